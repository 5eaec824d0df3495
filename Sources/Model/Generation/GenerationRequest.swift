internal import FledgeCore

/// A prompt to continue, with options of its own.
public struct GenerationRequest: Hashable, Sendable {
    /// The token ids to continue; at least one.
    public var prompt: [Int32]
    /// How tokens are chosen and when to stop.
    public var options: GenerationOptions
    /// What the draws are keyed by beside the options' seed, such as step, prompt and sample: equal keys
    /// draw alike, whatever else is generated beside them.
    public var draws: [Int]
    /// Whether probabilities of the tokens are reported; they cost a pass over the vocabulary each.
    public var measuresProbabilities: Bool
    /// The dialogue that the prompt continues, whose tokens are kept; nil for a prompt of its own.
    public var dialogue: GenerationEngine.Dialogue?

    /// Creates a request.
    public init(
        _ prompt: [Int32], _ options: GenerationOptions, draws: [Int] = [],
        measuresProbabilities: Bool = false, in dialogue: GenerationEngine.Dialogue? = nil
    ) {
        (self.prompt, self.options, self.draws) = (prompt, options, draws)
        (self.measuresProbabilities, self.dialogue) = (measuresProbabilities, dialogue)
    }
}

/// Why an answer ended.
public enum FinishReason: String, Hashable, Sendable {
    /// A stop token was generated.
    case stop
    /// The limit on new tokens, or the model's context, was reached.
    case length
    /// The caller asked to stop.
    case cancelled
}

/// A finished answer.
public struct GeneratedAnswer: Hashable, Sendable {
    /// The generated ids, with the stop token last where there was one.
    public var ids: [Int32]
    /// Why the answer ended.
    public var finishReason: FinishReason
    /// ln p of each token by the model itself: temperature 1, nothing left out. Empty unless the request
    /// measures probabilities.
    public var logProbabilities: [Double] = []
    /// ln p of each token in the distribution that it was drawn from, behind repetition penalty,
    /// temperature, top-k and top-p; zeros where the most probable token is taken.
    public var drawnLogProbabilities: [Double] = []

    /// Creates an answer.
    public init(ids: [Int32], finishReason: FinishReason) {
        (self.ids, self.finishReason) = (ids, finishReason)
    }
}
