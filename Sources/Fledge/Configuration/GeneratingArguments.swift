/// How text is generated.
public struct GeneratingArguments: Hashable, Sendable {
    /// Whether tokens are drawn at random (`do_sample`).
    public var samples: Bool
    /// Flattens or sharpens the distribution (`temperature`).
    public var temperature: Double
    /// The total probability of the tokens drawn from (`top_p`).
    public var topP: Double
    /// The number of tokens drawn from; 0 for all (`top_k`).
    public var topK: Int
    /// Most tokens of prompt and answer, when ``maxNewTokens`` is 0 (`max_length`).
    public var maxLength: Int
    /// Most tokens of an answer (`max_new_tokens`).
    public var maxNewTokens: Int
    /// Makes tokens that were there less likely (`repetition_penalty`).
    public var repetitionPenalty: Double
    /// Whether control tokens are left out of answers (`skip_special_tokens`).
    public var skipsSpecialTokens: Bool

    /// The defaults.
    public init() { self.init(.defaults) }

    init(_ values: OptionValues) {
        samples = values.flag("do_sample")
        temperature = values.number("temperature")
        topP = values.number("top_p")
        topK = values.integer("top_k")
        maxLength = values.integer("max_length")
        maxNewTokens = values.integer("max_new_tokens")
        repetitionPenalty = values.number("repetition_penalty")
        skipsSpecialTokens = values.flag("skip_special_tokens")
    }
}
