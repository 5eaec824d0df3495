internal import FledgeCore
public import FledgeTensor

/// Continues a prompt token by token with a key/value cache.
public struct TokenGenerator {
    /// Why an answer ended.
    public enum FinishReason: String, Sendable {
        /// A stop token was generated.
        case stop
        /// The limit on new tokens, or the model's context, was reached.
        case length
        /// The caller asked to stop.
        case cancelled
    }

    /// A finished answer.
    public struct Result: Hashable, Sendable {
        /// The generated ids, with the stop token last where there was one.
        public var ids: [Int32]
        /// Why the answer ended.
        public var finishReason: FinishReason
    }

    private let model: any CausalLM
    private let elementType: ElementType

    /// Creates a generator over a model whose weights are stored in `elementType`.
    public init(_ model: any CausalLM, _ elementType: ElementType) {
        (self.model, self.elementType) = (model, elementType)
    }

    /// Generates an answer to a prompt.
    ///
    /// - Parameters:
    ///   - prompt: Token ids; at least one.
    ///   - options: How tokens are chosen and when to stop.
    ///   - receive: Called with every token as soon as it is known; returns whether to go on.
    /// - Throws: ``FledgeError`` when the prompt is empty or fills the model's context; what
    ///   `receive` throws.
    public func generate(
        _ prompt: [Int32], _ options: GenerationOptions,
        receive: (Int32) throws -> Bool = { _ in true }
    ) throws -> Result {
        let configuration = model.configuration
        let context = min(
            configuration.maxPositions, configuration.longestSequence ?? configuration.maxPositions)
        guard !prompt.isEmpty else {
            throw FledgeError(
                .data, "The prompt has no tokens.", advice: "Give at least one token.")
        }
        guard prompt.count < context else {
            throw FledgeError(
                .data,
                "The prompt has \(prompt.count) tokens; the model's context holds \(context).",
                advice: "Shorten the prompt.")
        }
        let limit = min(options.maxNewTokens, context - prompt.count)
        let cache = KeyValueCache(
            for: configuration, capacity: prompt.count + limit, elementType)
        var sampler = TokenSampler(options)
        var seen = Set(prompt)
        var pending = prompt
        var ids: [Int32] = []
        while ids.count < limit {
            var scores = lastScores(pending, cache)
            let id = sampler.next(&scores, seen: seen)
            ids.append(id)
            if options.stopTokens.contains(id) { return Result(ids: ids, finishReason: .stop) }
            guard try receive(id) else { return Result(ids: ids, finishReason: .cancelled) }
            seen.insert(id)
            pending = [id]
        }
        return Result(ids: ids, finishReason: .length)
    }

    private func lastScores(_ ids: [Int32], _ cache: KeyValueCache) -> [Float] {
        let hidden = model.hiddenStates(ids, cache: cache, ForwardPass(elementType))
        return logits(hidden, head: model.head, rows: [Int32(ids.count - 1)]).scalars()
    }
}
