/// An answer of a model, taken apart.
public struct ParsedAnswer: Hashable, Sendable {
    /// What the model thought before it spoke; `nil` where it did not, empty for an empty thought.
    public var thought: String?
    /// What it said, beside thought and calls.
    public var text: String
    /// The tools that it called, in order; empty for a plain answer.
    public var calls: [FunctionCall]

    /// Creates an answer.
    public init(thought: String? = nil, text: String, calls: [FunctionCall] = []) {
        (self.thought, self.text, self.calls) = (thought, text, calls)
    }
}
