/// How the next token is chosen and when to stop (reference: generating arguments).
public struct GenerationOptions: Hashable, Sendable {
    /// The most tokens to generate.
    public var maxNewTokens: Int
    /// The most tokens of prompt and answer together, of which the answer has one at least; nil for no
    /// such limit.
    public var maxTotalTokens: Int?
    /// Whether tokens are drawn; otherwise the most probable one is taken.
    public var samples: Bool
    /// What scores are divided by before drawing.
    public var temperature: Double
    /// Only the most probable tokens whose probabilities reach this sum are drawn from.
    public var topP: Double
    /// Only this many of the most probable tokens are drawn from; 0 for all.
    public var topK: Int
    /// Scores of tokens that occurred already are divided (positive) or multiplied (negative) by this.
    public var repetitionPenalty: Double
    /// Tokens that end the answer; they are reported but not part of the text.
    public var stopTokens: Set<Int32>
    /// The seed of the draws.
    public var seed: UInt64

    /// Creates options; the defaults are the reference's.
    public init(
        maxNewTokens: Int = 1024, maxTotalTokens: Int? = nil, samples: Bool = true,
        temperature: Double = 0.95,
        topP: Double = 0.7, topK: Int = 50, repetitionPenalty: Double = 1,
        stopTokens: Set<Int32> = [], seed: UInt64 = 42
    ) {
        self.maxNewTokens = maxNewTokens
        self.maxTotalTokens = maxTotalTokens
        self.samples = samples
        self.temperature = temperature
        self.topP = topP
        self.topK = topK
        self.repetitionPenalty = repetitionPenalty
        self.stopTokens = stopTokens
        self.seed = seed
    }

    /// The most probable token at every step.
    public static func greedy(maxNewTokens: Int, stopTokens: Set<Int32> = []) -> GenerationOptions {
        GenerationOptions(maxNewTokens: maxNewTokens, samples: false, stopTokens: stopTokens)
    }
}
