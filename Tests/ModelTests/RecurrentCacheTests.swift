import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// Layers that carry a state, in a cache: branches, parts of prompts, dialogues that go back.
@Suite("States in a cache") struct RecurrentCacheTests {
    static let names = ["lfm2", "qwen3-5", "qwen3-next"]

    private func model(_ name: String) throws -> DecoderLM {
        try Checkpoint(path: fixtures + "/families/" + name).causalLM()
    }

    private func ids(_ count: Int, _ name: String) -> [Int32] {
        var generator = KeyedGenerator(RandomKey(seed: 5).appending(name))
        return (0..<count).map { _ in Int32.random(in: 3..<48, using: &generator) }
    }

    private func whole(_ model: DecoderLM, _ ids: [Int32]) -> [Double] {
        model.hiddenStates(
            ids, layout: SequenceLayout(lengths: [ids.count]), ForwardPass(.float32)
        ).doubles()
    }

    private func isSame(_ found: Tensor, _ wanted: [Double]) -> Bool {
        Closeness(found.doubles(), Array(wanted.suffix(found.count))).isWithin(2e-5)
    }

    /// A prompt in parts, of one token and of several, gives the states of the whole.
    @Test(arguments: names) func promptsInParts(_ name: String) throws {
        let model = try model(name)
        let tokens = ids(50, "prompt")
        let cache = model.makeCache()
        var start = 0
        for count in [1, 2, 30, 1, 1, 15] {
            let found = model.hiddenStates(
                Array(tokens[start..<start + count]), cache: cache, ForwardPass(.float32))
            start += count
            #expect(isSame(found, whole(model, Array(tokens[..<start]))))
        }
    }

    /// Branches go on from their parent's end, in the same run or later, and leave it as it is.
    @Test(arguments: names) func branches(_ name: String) throws {
        let model = try model(name)
        let cache = model.makeCache()
        let (prompt, one, other) = (ids(20, "prompt"), ids(7, "one"), ids(5, "other"))
        let parent = cache.branch()
        let child = cache.branch(from: parent)
        let found = model.hiddenStates(
            prompt + one, extending: [.init(parent, by: 20), .init(child, by: 7)], of: cache,
            ForwardPass(.float32))
        #expect(isSame(found, whole(model, prompt + one)))
        let sibling = cache.branch(from: cache.branch(from: parent))
        let later = model.hiddenStates(
            other, extending: [.init(sibling, by: 5)], of: cache, ForwardPass(.float32))
        #expect(isSame(later, whole(model, prompt + other)))
        // Both go on together, each from its own end.
        let next = model.hiddenStates(
            [9, 8], extending: [.init(sibling, by: 1), .init(child, by: 1)], of: cache,
            ForwardPass(.float32)
        ).doubles()
        let channels = model.configuration.hiddenSize
        for (part, sequence) in [prompt + other + [9], prompt + one + [8]].enumerated() {
            #expect(
                Closeness(
                    Array(next[part * channels..<(part + 1) * channels]),
                    Array(whole(model, sequence).suffix(channels))
                ).isWithin(2e-5))
        }
    }

    /// A branch is cut where a state is kept, and nowhere else.
    @Test(arguments: names) func cutting(_ name: String) throws {
        let model = try model(name)
        let cache = model.makeCache()
        let tokens = ids(30, "prompt")
        let parent = cache.branch()
        let child = cache.branch(from: parent)
        for (branch, range) in [(parent, 0..<12), (child, 12..<30)] {
            _ = model.hiddenStates(
                Array(tokens[range]), extending: [.init(branch, by: range.count)], of: cache,
                ForwardPass(.float32))
        }
        #expect(cache.resumableLength(of: child, atMost: 40) == 30)
        #expect(cache.resumableLength(of: child, atMost: 30) == 30)
        #expect(cache.resumableLength(of: child, atMost: 29) == 12)
        cache.truncate(child, to: 12)
        #expect(cache.resumableLength(of: child, atMost: 30) == 12)
        let again = ids(9, "again")
        let found = model.hiddenStates(
            again, extending: [.init(child, by: 9)], of: cache, ForwardPass(.float32))
        #expect(isSame(found, whole(model, Array(tokens[..<12]) + again)))
    }

    /// A dialogue whose next prompt leaves the last one in the middle answers as one that begins anew.
    @Test(arguments: names) func dialogues(_ name: String) throws {
        let model = try model(name)
        let engine = GenerationEngine(model)
        let dialogue = engine.makeDialogue()
        let first = ids(14, "first")
        func answer(_ prompt: [Int32], isAlone: Bool = false) throws -> [Int32] {
            var request = GenerationRequest(prompt, .greedy(maxNewTokens: 6))
            guard !isAlone else { return try GenerationEngine(model).answer(request).ids }
            request.dialogue = dialogue
            return try engine.answer(request).ids
        }
        let said = try answer(first)
        for prompt in [
            first + said + ids(5, "next"), Array(first.prefix(9)) + ids(8, "other"), first, first,
        ] {
            #expect(try answer(prompt) == answer(prompt, isAlone: true))
        }
        #expect(engine.prefilledTokens > 0)
    }
}
