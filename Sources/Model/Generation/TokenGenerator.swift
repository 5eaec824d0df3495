internal import FledgeCore
public import FledgeTensor

/// Continues prompts token by token with a key/value cache.
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

    let model: any CausalLM
    let elementType: ElementType

    /// Creates a generator over a model whose weights are stored in `elementType`.
    public init(_ model: any CausalLM, _ elementType: ElementType) {
        (self.model, self.elementType) = (model, elementType)
    }

    /// The most tokens that prompt and answer may have together.
    var context: Int {
        let configuration = model.configuration
        return min(
            configuration.maxPositions, configuration.longestSequence ?? configuration.maxPositions)
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
        let results = try generate([prompt], options, concurrent: 1) { try receive($1) }
        return results[0]
    }

    /// Generates an answer to each of several prompts, many at a time.
    ///
    /// Prompts that begin alike share what they have in common, each step computes one token of every
    /// answer that is under way, and the next prompts enter as answers end. Without sampling an answer
    /// is the one that its prompt gets alone, bit for bit; draws are keyed by the prompt's place.
    ///
    /// - Parameters:
    ///   - prompts: Token ids; at least one each.
    ///   - options: How tokens are chosen and when to stop, for each answer.
    ///   - concurrent: The most answers that are under way at once.
    ///   - draws: A number for each prompt that its draws are keyed by; its place when left out.
    ///   - receive: Called with the prompt's place and each token as soon as it is known; returns
    ///     whether that answer goes on.
    /// - Returns: The answers in the order of the prompts.
    /// - Throws: ``FledgeError`` when a prompt is empty or fills the model's context; what `receive`
    ///   throws.
    public func generate(
        _ prompts: [[Int32]], _ options: GenerationOptions, concurrent: Int = 32,
        draws: [Int]? = nil,
        receive: (_ prompt: Int, _ token: Int32) throws -> Bool = { _, _ in true }
    ) throws -> [Result] {
        precondition(concurrent > 0, "generate: \(concurrent) answers at once")
        for (index, prompt) in prompts.enumerated() {
            try check(prompt, prompts.count > 1 ? " \(index + 1)" : "")
        }
        precondition(
            draws.map { $0.count == prompts.count } ?? true, "generate: one key of draws a prompt")
        var batch = GenerationBatch(self, prompts, options, draws: draws)
        while !batch.isDone {
            // A few at a time, so that prompts are computed together.
            if batch.liveCount == 0 || concurrent - batch.liveCount >= max(1, concurrent / 4) {
                try batch.admit(concurrent - batch.liveCount, receive)
            }
            try batch.step(receive)
        }
        return batch.results
    }

    /// The most bytes of tensors that generating answers needs beside the weights.
    ///
    /// - Parameters:
    ///   - answers: How many are under way at once.
    ///   - length: The most tokens of a prompt with its answer.
    public func tensorBytes(answers: Int, length: Int) -> Int {
        let run = TokenMemory(
            tokens: min(answers * length, GenerationBatch.runLength), elementType)
        let forward = model.blocks.map { $0.activationBytes(run).forward }.max() ?? 0
        let scores = BufferPool.sizeClass(
            answers * model.head.shape[0] * elementType.accumulator.byteCount)
        let cache = KeyValueCache.bytes(
            for: model.configuration, sequences: answers, length: length, elementType)
        return cache + max(forward, run.bytes(model.head.shape[1]) + 2 * scores)
    }

    private func check(_ prompt: [Int32], _ name: String) throws {
        guard !prompt.isEmpty else {
            throw FledgeError(
                .data, "The prompt\(name) has no tokens.", advice: "Give at least one token.")
        }
        guard prompt.count < context else {
            throw FledgeError(
                .data,
                "The prompt\(name) has \(prompt.count) tokens; the model's context holds \(context).",
                advice: "Shorten the prompt.")
        }
    }
}
