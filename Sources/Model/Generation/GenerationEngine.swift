internal import FledgeCore
internal import FledgeTensor

/// Generates answers to requests that join and leave a running batch.
///
/// ```swift
/// let engine = GenerationEngine(model)
/// let ticket = try engine.submit(GenerationRequest(prompt, options))
/// while !engine.isIdle {
///     for event in try engine.step() { … }
/// }
/// ```
///
/// Each step computes one token of every answer that is under way; prompts that enter together share what
/// they begin with. Without sampling an answer is the one that its prompt gets alone, bit for bit, and
/// draws follow from the request alone. Tokens of a ``Dialogue`` stay in the cache between its requests.
public final class GenerationEngine {
    /// A request that was submitted.
    public struct Ticket: Hashable, Sendable {
        fileprivate let number: Int
    }

    /// A sequence that grows turn by turn; what a prompt has in common with what was seen before is not
    /// computed again.
    public struct Dialogue: Hashable, Sendable {
        let number: Int
    }

    /// What a step brought.
    public enum Event: Hashable, Sendable {
        /// A token of an answer; stop tokens are no part of it.
        case token(Ticket, Int32)
        /// The end of an answer.
        case finished(Ticket, GeneratedAnswer)
    }

    /// An answer that is under way; its last token is not in the cache yet.
    struct Live {
        let ticket: Ticket
        let request: GenerationRequest
        let branch: KeyValueCache.Branch
        let limit: Int
        var sampler: TokenSampler
        var seen: Set<Int32>
        var answer = GeneratedAnswer(ids: [], finishReason: .length)
    }

    /// What the cache holds of a dialogue.
    struct KeptDialogue {
        var branch: KeyValueCache.Branch
        /// The tokens whose keys and values are in the branch.
        var ids: [Int32] = []
        var isBusy = false
    }

    /// The most tokens of prompts that are computed in one run.
    static let runLength = 1024

    /// The model that answers.
    public let model: any CausalLM
    /// The most answers that are under way at once.
    public let concurrent: Int
    var cache: KeyValueCache?
    private var queue: [(ticket: Ticket, request: GenerationRequest)] = []
    private(set) var live: [Live] = []
    var dialogues: [Int: KeptDialogue] = [:]
    /// Tickets and dialogues that were given so far.
    var count = 0

    /// Creates an engine.
    ///
    /// - Parameters:
    ///   - model: The model; its weights and adapters may change while nothing is under way, see
    ///     ``forget()``.
    ///   - concurrent: The most answers that are under way at once.
    public init(_ model: any CausalLM, concurrent: Int = 32) {
        precondition(concurrent > 0, "GenerationEngine: \(concurrent) answers at once")
        (self.model, self.concurrent) = (model, concurrent)
    }

    /// Whether nothing is under way or waits.
    public var isIdle: Bool { live.isEmpty && queue.isEmpty }

    /// Tokens of prompts that were computed so far; those that were kept or shared are not among them.
    public private(set) var prefilledTokens = 0

    /// Rows of the cache that answers under way and dialogues hold.
    package var heldRows: Int { cache?.heldRows ?? 0 }

    /// The most tokens that prompt and answer may have together.
    public var context: Int { model.configuration.contextLength }

    /// Puts a request behind those that wait.
    ///
    /// - Throws: ``FledgeError`` when the prompt is empty, has ids that are none of the vocabulary, or
    ///   fills the model's context, or when its dialogue is closed or has a request under way.
    public func submit(_ request: GenerationRequest) throws -> Ticket {
        try check(request.prompt, "prompt")
        if let dialogue = request.dialogue {
            guard let kept = dialogues[dialogue.number], !kept.isBusy else {
                let isClosed = dialogues[dialogue.number] == nil
                throw FledgeError(
                    .configuration,
                    "The dialogue \(isClosed ? "is closed" : "has a request under way").",
                    advice: isClosed
                        ? "Begin another one with makeDialogue()."
                        : "Submit its next request when the last one has finished.")
            }
            dialogues[dialogue.number]?.isBusy = true
        }
        count += 1
        let ticket = Ticket(number: count)
        queue.append((ticket, request))
        return ticket
    }

    /// Ends a request, if it has not ended.
    ///
    /// - Returns: What was generated; nil when the request has ended, or is none of this engine.
    @discardableResult
    public func cancel(_ ticket: Ticket) -> GeneratedAnswer? {
        if let index = queue.firstIndex(where: { $0.ticket == ticket }) {
            let request = queue.remove(at: index).request
            if let dialogue = request.dialogue { dialogues[dialogue.number]?.isBusy = false }
            return GeneratedAnswer(ids: [], finishReason: .cancelled)
        }
        guard let index = live.firstIndex(where: { $0.ticket == ticket }) else { return nil }
        var answer = live.remove(at: index)
        answer.answer.finishReason = .cancelled
        leave(answer)
        return answer.answer
    }

    /// Ends all requests.
    public func cancelAll() {
        for ticket in queue.map(\.ticket) + live.map(\.ticket) { cancel(ticket) }
    }

    /// Lets waiting requests enter, and computes the next token of every answer that is under way.
    ///
    /// - Returns: What came of it, in the order of the requests.
    /// - Throws: ``FledgeError`` when the model's scores are no numbers.
    public func step() throws -> [Event] {
        var events: [Event] = []
        // A few at a time, so that prompts are computed together.
        let free = concurrent - live.count
        if !queue.isEmpty, live.isEmpty || free >= max(1, concurrent / 4) {
            let entering = Array(queue.prefix(free))
            queue.removeFirst(entering.count)
            try admit(entering, &events)
        }
        guard !live.isEmpty, let cache else { return events }
        var pass = ForwardPass(model.elementType)
        pass.productOrder = .lanes
        let hidden = model.hiddenStates(
            live.compactMap { $0.answer.ids.last }, extending: live.map { .init($0.branch, by: 1) },
            of: cache, pass)
        let scores = try rows(hidden, Array(live.indices))
        let before = live
        live = []
        choose(before, scores, &events)
        return events
    }

    // MARK: - Prompts

    /// The cache, made anew where there is none.
    func madeCache(capacity: Int = 0) -> KeyValueCache {
        if let cache { return cache }
        let made = model.makeCache(capacity: capacity)
        cache = made
        return made
    }

    func check(_ prompt: [Int32], _ name: String) throws {
        guard !prompt.isEmpty else {
            throw FledgeError(
                .data, "The \(name) has no tokens.", advice: "Give at least one token.")
        }
        guard prompt.count < context else {
            throw FledgeError(
                .data,
                "The \(name) has \(prompt.count) tokens; the model's context holds \(context).",
                advice: "Shorten the prompt.")
        }
        let size = model.head.shape[0]
        if let wrong = prompt.first(where: { $0 < 0 || Int($0) >= size }) {
            throw FledgeError(
                .data, "The \(name) holds id \(wrong); the model's vocabulary has \(size).",
                advice: "Use the model's own tokenizer.")
        }
    }

    /// Computes prompts, and the first token of each of their answers.
    private func admit(
        _ entering: [(ticket: Ticket, request: GenerationRequest)], _ events: inout [Event]
    ) throws {
        var entering = entering
        for (ticket, request) in entering where request.options.maxNewTokens <= 0 {
            events.append(.finished(ticket, .init(ids: [], finishReason: .length)))
            if let dialogue = request.dialogue { dialogues[dialogue.number]?.isBusy = false }
        }
        entering.removeAll { $0.request.options.maxNewTokens <= 0 }
        guard let first = entering.first else { return }
        let cache = madeCache(
            capacity: min(first.request.prompt.count + first.request.options.maxNewTokens, context))
        let threshold = model.configuration.angleThreshold
        var plan = Prefill(entering.map(\.request.prompt), angleThreshold: threshold)
        for (index, (_, request)) in entering.enumerated() {
            guard let dialogue = request.dialogue, let kept = dialogues[dialogue.number]
            else { continue }
            let common = zip(kept.ids, request.prompt).prefix { $0 == $1 }.count
            // What was turned by other angles is of no use.
            let isSame = max(request.prompt.count, kept.ids.count) <= threshold ?? .max
            // One token at least is computed: the answer's first one follows its state.
            let length = cache.resumableLength(
                of: kept.branch, atMost: isSame ? min(common, request.prompt.count - 1) : 0)
            cache.truncate(kept.branch, to: length)
            dialogues[dialogue.number]?.ids = Array(kept.ids.prefix(length))
            plan.continues(index, kept.branch, behind: length)
        }
        plan.makeBranches(in: cache)
        prefilledTokens += plan.ids.count
        let new = entering.enumerated().map { index, entry in
            Live(
                ticket: entry.ticket, request: entry.request, branch: plan.branch(of: index),
                limit: limit(entry.request),
                sampler: TokenSampler(entry.request.options, draws: entry.request.draws),
                seen: Set(entry.request.prompt))
        }
        // Prompts that others share are held by their branches.
        defer { for branch in plan.innerBranches { cache.release(branch) } }
        var scores = [Scores?](repeating: nil, count: new.count)
        do {
            for run in plan.runs(of: Self.runLength) {
                let hidden = model.hiddenStates(
                    Array(plan.ids[run.tokens]), extending: run.extensions, of: cache,
                    ForwardPass(model.elementType))
                let here = plan.ends.indices.filter { run.tokens.contains(plan.ends[$0]) }
                let states = try rows(hidden, here.map { plan.ends[$0] - run.tokens.lowerBound })
                for (index, row) in zip(here, states) { scores[index] = row }
            }
        } catch {
            for answer in new { drop(answer, in: cache) }
            throw error
        }
        choose(new, scores.compactMap { $0 }, &events)
    }

    /// Gives back what an answer holds whose prompt could not be computed.
    private func drop(_ answer: Live, in cache: KeyValueCache) {
        guard let dialogue = answer.request.dialogue, dialogues[dialogue.number] != nil else {
            return cache.release(answer.branch)
        }
        cache.truncate(answer.branch, to: 0)
        dialogues[dialogue.number]?.ids = []
        dialogues[dialogue.number]?.isBusy = false
    }

    /// The most tokens of the answer to a request.
    private func limit(_ request: GenerationRequest) -> Int {
        let length = request.prompt.count
        let total = request.options.maxTotalTokens.map { max(1, $0 - length) } ?? .max
        return min(request.options.maxNewTokens, total, context - length)
    }

    // MARK: - Tokens

    /// Takes a token for each answer; those that go on are live.
    private func choose(
        _ answers: [Live], _ scores: [Scores], _ events: inout [Event]
    ) {
        var answers = answers
        var tokens = [TokenSampler.Choice](repeating: .init(id: 0), count: answers.count)
        answers.withUnsafeMutableBufferPointer { answers in
            tokens.withUnsafeMutableBufferPointer { tokens in
                let (answers, tokens) = (answers, tokens)
                parallelFor(answers.count) { place in
                    var scores = scores[place].copy
                    tokens[place] = answers[place].sampler.next(
                        &scores, seen: answers[place].seen,
                        measuresProbability: answers[place].request.measuresProbabilities)
                }
            }
        }
        for (var answer, token) in zip(answers, tokens) {
            answer.answer.ids.append(token.id)
            if let probability = token.logProbability {
                answer.answer.logProbabilities.append(probability.ofModel)
                answer.answer.drawnLogProbabilities.append(probability.drawn)
            }
            answer.seen.insert(token.id)
            if answer.request.options.stopTokens.contains(token.id) {
                answer.answer.finishReason = .stop
            } else {
                events.append(.token(answer.ticket, token.id))
                guard answer.answer.ids.count == answer.limit else {
                    live.append(answer)
                    continue
                }
                answer.answer.finishReason = .length
            }
            leave(answer)
            events.append(.finished(answer.ticket, answer.answer))
        }
    }

    /// Gives back what an answer holds, or keeps it for the next turn of its dialogue.
    private func leave(_ answer: Live) {
        guard let dialogue = answer.request.dialogue, dialogues[dialogue.number] != nil else {
            cache?.release(answer.branch)
            return
        }
        dialogues[dialogue.number]?.isBusy = false
        dialogues[dialogue.number]?.ids = answer.request.prompt + answer.answer.ids.dropLast()
    }

    /// Scores of the vocabulary: a row of logits.
    private struct Scores {
        let logits: Tensor
        let row: Int

        var copy: [Float] {
            let count = logits.shape[1]
            return logits.withFloats { Array($0[row * count..<(row + 1) * count]) }
        }
    }

    /// The scores that follow some rows.
    private func rows(_ hidden: Tensor, _ rows: [Int]) throws -> [Scores] {
        guard !rows.isEmpty else { return [] }
        let scores = logits(
            hidden, head: model.head, rows: rows.map { Int32($0) }, order: .lanes
        ).converted(to: .float32)
        guard scores.isFinite else {
            throw FledgeError(
                .notFinite, "The model's scores of the next token are no finite numbers.",
                advice: "Its weights or adapters are damaged, or need float32 (infer_dtype).")
        }
        return rows.indices.map { Scores(logits: scores, row: $0) }
    }
}
