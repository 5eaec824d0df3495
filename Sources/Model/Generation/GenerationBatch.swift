internal import FledgeCore
internal import FledgeTensor

/// Answers that are generated together.
struct GenerationBatch {
    /// An answer that is under way; its last token is not in the cache yet.
    private struct Live {
        let prompt: Int
        let branch: KeyValueCache.Branch
        let limit: Int
        var sampler: TokenSampler
        var seen: Set<Int32>
        var ids: [Int32] = []
    }

    /// The most tokens of prompts that are computed in one run.
    static let runLength = 1024

    private let generator: TokenGenerator
    private let prompts: [[Int32]]
    private let options: GenerationOptions
    private let draws: [Int]?
    private let cache: KeyValueCache
    private var live: [Live] = []
    private var nextPrompt = 0
    private var finished: [TokenGenerator.Result?]

    init(
        _ generator: TokenGenerator, _ prompts: [[Int32]], _ options: GenerationOptions,
        draws: [Int]? = nil
    ) {
        (self.generator, self.prompts, self.options) = (generator, prompts, options)
        self.draws = draws
        let tokens = prompts.first.map { min($0.count + options.maxNewTokens, generator.context) }
        cache = KeyValueCache(
            for: generator.model.configuration, capacity: tokens ?? 0, generator.elementType)
        finished = Array(repeating: nil, count: prompts.count)
    }

    var liveCount: Int { live.count }
    var isDone: Bool { live.isEmpty && nextPrompt == prompts.count }
    /// The answers, in the order of the prompts.
    var results: [TokenGenerator.Result] { finished.compactMap { $0 } }

    /// Computes the next prompts, and the first token of each of their answers.
    mutating func admit(_ count: Int, _ receive: (Int, Int32) throws -> Bool) throws {
        let places = nextPrompt..<min(nextPrompt + count, prompts.count)
        nextPrompt = places.upperBound
        guard options.maxNewTokens > 0 else {
            for place in places { finished[place] = .init(ids: [], finishReason: .length) }
            return
        }
        let forest = PrefixForest(places.map { prompts[$0] })
        let branches = self.branches(of: forest.layout)
        let new = zip(places, forest.leaves).map { place, leaf in
            Live(
                prompt: place, branch: branches[leaf],
                limit: limit(prompts[place].count),
                sampler: TokenSampler(options, prompt: draws?[place] ?? place),
                seen: Set(prompts[place]))
        }
        // An answer's first token follows the last row of its prompt, which others may share.
        let ends = forest.leaves.map { leaf in
            (forest.layout.ranges(to: leaf).last?.upperBound ?? 1) - 1
        }
        var scores = [[Float]](repeating: [], count: new.count)
        try compute(forest, branches) { run, hidden in
            let here = ends.indices.filter { run.contains(ends[$0]) }
            for (index, row) in zip(here, rows(hidden, here.map { ends[$0] - run.lowerBound })) {
                scores[index] = row
            }
        }
        let leaves = Set(forest.leaves)
        for index in branches.indices where !leaves.contains(index) {
            cache.release(branches[index])
        }
        try choose(new, scores, receive)
    }

    /// The most tokens of the answer to a prompt of some length.
    private func limit(_ length: Int) -> Int {
        let total = options.maxTotalTokens.map { max(1, $0 - length) } ?? .max
        return min(options.maxNewTokens, total, generator.context - length)
    }

    /// Computes the next token of every answer that is under way.
    mutating func step(_ receive: (Int, Int32) throws -> Bool) throws {
        guard !live.isEmpty else { return }
        var pass = ForwardPass(generator.elementType)
        pass.productOrder = .lanes
        let hidden = generator.model.hiddenStates(
            live.compactMap { $0.ids.last }, extending: live.map { .init($0.branch, by: 1) },
            of: cache, pass)
        let before = live
        live = []
        try choose(before, rows(hidden, Array(before.indices)), receive)
    }

    /// Takes a token for each answer; those that go on are live.
    private mutating func choose(
        _ answers: [Live], _ scores: [[Float]], _ receive: (Int, Int32) throws -> Bool
    ) throws {
        for (var answer, var scores) in zip(answers, scores) {
            let id = answer.sampler.next(&scores, seen: answer.seen)
            answer.ids.append(id)
            answer.seen.insert(id)
            var reason: TokenGenerator.FinishReason?
            if options.stopTokens.contains(id) {
                reason = .stop
            } else if try !receive(answer.prompt, id) {
                reason = .cancelled
            } else if answer.ids.count == answer.limit {
                reason = .length
            }
            guard let reason else {
                live.append(answer)
                continue
            }
            cache.release(answer.branch)
            finished[answer.prompt] = .init(ids: answer.ids, finishReason: reason)
        }
    }

    private func branches(of layout: SequenceLayout) -> [KeyValueCache.Branch] {
        var result: [KeyValueCache.Branch] = []
        for segment in layout.segments {
            result.append(cache.branch(from: segment.parent.map { result[$0] }))
        }
        return result
    }

    /// Computes all tokens of a forest in runs of limited length.
    ///
    /// - Parameter body: Receives the tokens' places in the forest and their hidden states.
    private func compute(
        _ forest: PrefixForest, _ branches: [KeyValueCache.Branch],
        _ body: (Range<Int>, Tensor) throws -> Void
    ) throws {
        var run = 0..<0
        var extensions: [KeyValueCache.Extension] = []
        func flush() throws {
            guard !run.isEmpty else { return }
            let hidden = generator.model.hiddenStates(
                Array(forest.ids[run]), extending: extensions, of: cache,
                ForwardPass(generator.elementType))
            try body(run, hidden)
            (run, extensions) = (run.upperBound..<run.upperBound, [])
        }
        for (segment, branch) in zip(forest.layout.segments, branches) {
            var start = segment.start
            while start < segment.range.upperBound {
                let count = min(segment.range.upperBound - start, Self.runLength - run.count)
                extensions.append(.init(branch, by: count))
                start += count
                run = run.lowerBound..<start
                if run.count == Self.runLength { try flush() }
            }
        }
        try flush()
    }

    /// The scores that follow some rows.
    private func rows(_ hidden: Tensor, _ rows: [Int]) -> [[Float]] {
        guard !rows.isEmpty else { return [] }
        let scores = logits(
            hidden, head: generator.model.head, rows: rows.map { Int32($0) }, order: .lanes
        )
        .converted(to: .float32)
        let columns = scores.shape[1]
        return scores.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: Float.self) { values in
                rows.indices.map { Array(values[$0 * columns..<($0 + 1) * columns]) }
            }
        }
    }
}
