/// A part of a rendered message; pieces are tokenised one by one and never joined.
public enum TemplatePiece: Hashable, Sendable {
    /// Text that is tokenised as a whole.
    case text([TemplateSpan])
    /// The token that begins a text, if the tokenizer has one.
    case beginOfText
    /// The token that ends a text, if the tokenizer has one.
    case endOfText
    /// A single token.
    case token(String)

    /// Text that the template wrote.
    static func control(_ text: String) -> TemplatePiece {
        .text([TemplateSpan(text, isControl: true)])
    }
}

/// A stretch of a text piece.
public struct TemplateSpan: Hashable, Sendable {
    /// The characters.
    public var text: String
    /// Whether the template wrote it: only then may it hold control tokens.
    public var isControl: Bool

    /// Creates a span.
    public init(_ text: String, isControl: Bool = false) {
        (self.text, self.isControl) = (text, isControl)
    }
}

/// A message as a template writes it.
public struct RenderedMessage: Hashable, Sendable {
    /// The pieces in order.
    public var pieces: [TemplatePiece]
    /// Whether the model wrote it, so that it is what is learned.
    public var isResponse: Bool
}

/// The ids of a question with what precedes it, and of the answer.
public struct EncodedTurn: Hashable, Sendable {
    /// The ids that the model reads.
    public var prompt: [Int32]
    /// The ids that the model writes.
    public var response: [Int32]

    /// Creates a turn.
    public init(prompt: [Int32], response: [Int32]) {
        (self.prompt, self.response) = (prompt, response)
    }
}
