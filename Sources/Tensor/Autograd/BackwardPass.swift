/// Where an operation's backward pass puts the gradients of its inputs.
///
/// Inputs are numbered in the order that they were recorded in.
public struct BackwardPass {
    var slots: [Tensor?]
    var inputs: [Int?] = []

    init(count: Int) { slots = Array(repeating: nil, count: count) }

    /// Whether anybody needs the gradient of an input.
    public func wants(_ input: Int) -> Bool { inputs[input] != nil }

    /// Adds a gradient that was computed as a whole.
    public mutating func add(_ gradient: consuming Tensor, to input: Int) {
        guard let slot = inputs[input] else { return }
        guard var sum = slots[slot].take() else {
            slots[slot] = gradient.detached
            return
        }
        sum.add(gradient)
        slots[slot] = sum
    }

    /// Takes the gradient of an input out, to be given back larger by ``give(_:to:)``.
    mutating func take(_ input: Int) -> Tensor? {
        guard let slot = inputs[input] else { return nil }
        return slots[slot].take()
    }

    /// Gives back what ``take(_:)`` took, with something added to it.
    mutating func give(_ gradient: consuming Tensor, to input: Int) {
        if let slot = inputs[input] { slots[slot] = gradient.detached }
    }

    /// Lets a kernel write the gradient of an input in place, without a pass of its own.
    ///
    /// - Parameter body: Is given the gradient's memory and whether it holds a sum already that it
    ///   must add to; otherwise it must set every element.
    public mutating func accumulate(
        into input: Int, shape: [Int], _ type: ElementType,
        _ body: (_ memory: UnsafeMutableRawPointer, _ holdsSum: Bool) -> Void
    ) {
        guard let slot = inputs[input] else { return }
        if let present = slots[slot], present.elementType != type {
            let part = Tensor(uninitialized: shape, type)
            body(part.freshPointer, false)
            add(part, to: input)
            return
        }
        let holdsSum = slots[slot] != nil
        var sum = slots[slot].take() ?? Tensor(uninitialized: shape, type)
        sum.withUnsafeMutableBytes { bytes in
            if let memory = bytes.baseAddress { body(memory, holdsSum) }
        }
        slots[slot] = sum
    }
}
