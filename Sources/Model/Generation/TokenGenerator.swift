internal import FledgeCore
internal import FledgeTensor

/// Continues prompts token by token with a key/value cache.
public struct TokenGenerator {
    let model: any CausalLM

    /// Creates a generator over a model.
    public init(_ model: any CausalLM) { self.model = model }

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
    ) throws -> GeneratedAnswer {
        try GenerationEngine(model, concurrent: 1).answer(
            GenerationRequest(prompt, options), receive: receive)
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
    ) throws -> [GeneratedAnswer] {
        let engine = GenerationEngine(model, concurrent: concurrent)
        for (index, prompt) in prompts.enumerated() {
            try engine.check(prompt, prompts.count > 1 ? "prompt \(index + 1)" : "prompt")
        }
        precondition(
            draws.map { $0.count == prompts.count } ?? true, "generate: one key of draws a prompt")
        let tickets = try prompts.enumerated().map { place, prompt in
            let key = draws?[place] ?? place
            // The first prompt draws as a lone one does.
            return try engine.submit(
                GenerationRequest(prompt, options, draws: key == 0 ? [] : [key]))
        }
        let places = Dictionary(uniqueKeysWithValues: zip(tickets, tickets.indices))
        let answers = try engine.run { ticket, token in
            try receive(places[ticket] ?? 0, token)
        }
        return tickets.compactMap { answers[$0] }
    }

    /// The most bytes of tensors that generating answers needs beside the weights.
    ///
    /// - Parameters:
    ///   - answers: How many are under way at once.
    ///   - length: The most tokens of a prompt with its answer.
    public func tensorBytes(answers: Int, length: Int) -> Int {
        let run = TokenMemory(
            tokens: min(answers * length, GenerationEngine.runLength), model.elementType)
        let forward = model.blocks.map { $0.activationBytes(run).forward }.max() ?? 0
        let scores = BufferPool.sizeClass(
            answers * model.head.shape[0] * model.elementType.accumulator.byteCount)
        let cache = KeyValueCache.bytes(
            of: model.blocks, sequences: answers, length: length, model.elementType)
        return cache + max(forward, run.bytes(model.head.shape[1]) + 2 * scores)
    }

}

extension GenerationEngine {
    /// Answers one request; tokens are handed on as soon as they are known.
    ///
    /// - Parameter receive: Called with every token; returns whether to go on.
    /// - Precondition: Nothing is under way.
    /// - Throws: As ``submit(_:)``; what `receive` throws, with which the request ends.
    public func answer(
        _ request: GenerationRequest, receive: (Int32) throws -> Bool = { _ in true }
    ) throws -> GeneratedAnswer {
        precondition(isIdle, "GenerationEngine: answer one request while others are under way")
        let ticket = try submit(request)
        let answers = try run { try receive($1) }
        return answers[ticket] ?? GeneratedAnswer(ids: [], finishReason: .cancelled)
    }

    /// Takes steps until nothing is under way.
    ///
    /// - Parameter receive: Called with every token; returns whether its answer goes on.
    /// - Returns: The answers that ended.
    /// - Throws: As ``step()``; what `receive` throws, with which all requests end.
    public func run(
        receive: (Ticket, Int32) throws -> Bool = { _, _ in true }
    ) throws -> [Ticket: GeneratedAnswer] {
        var (answers, stopped) = ([Ticket: GeneratedAnswer](), Set<Ticket>())
        do {
            while !isIdle {
                for event in try step() {
                    switch event {
                    case .token(let ticket, let id):
                        guard try !receive(ticket, id) else { continue }
                        stopped.insert(ticket)
                        if let answer = cancel(ticket) { answers[ticket] = answer }
                    case .finished(let ticket, var answer):
                        if stopped.contains(ticket) { answer.finishReason = .cancelled }
                        answers[ticket] = answer
                    }
                }
            }
        } catch {
            cancelAll()
            throw error
        }
        return answers
    }
}
