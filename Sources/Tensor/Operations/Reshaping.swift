/// The gradient in the shape that the input had.
struct Reshaping: RecordedOperation {
    let shape: [Int]

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        pass.add(gradient.detached.reshaped(shape), to: 0)
    }
}
