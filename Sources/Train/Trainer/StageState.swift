public import FledgeCore
public import FledgeTensor

/// What a stage remembers from step to step beside weights: a checkpoint holds it, and a resumed run
/// gets it back as it was.
public struct StageState {
    /// Counters and numbers, as JSON.
    public var values: JSONValue
    /// Tensors by name.
    public var tensors: [String: Tensor]

    /// Creates a state; an empty one when everything is left out.
    public init(values: JSONValue = .object([]), tensors: [String: Tensor] = [:]) {
        (self.values, self.tensors) = (values, tensors)
    }

    /// Whether there is nothing to keep.
    public var isEmpty: Bool { values.members?.isEmpty ?? false && tensors.isEmpty }
}
