import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// Answers that are generated together are those that each prompt gets alone.
@Suite("Batched generation")
struct BatchedGenerationTests {
    /// Larger than the toy model, so that pages and tiles have seams.
    private func model(_ type: ElementType) throws -> DecoderLM {
        var configuration = TinyModel.configuration
        configuration.maxPositions = 400
        return try TinyModel.make(configuration, storing: type)
    }

    private func prompt(_ count: Int, _ name: String) -> [Int32] {
        var generator = KeyedGenerator(RandomKey(seed: 3).appending(name))
        return (0..<count).map { _ in Int32.random(in: 0..<24, using: &generator) }
    }

    private var prompts: [[Int32]] {
        let system = prompt(70, "system")
        return [
            system + prompt(5, "a"), prompt(3, "b"), system + prompt(70, "c"), system,
            system + prompt(5, "a"), prompt(1, "d"), prompt(65, "e"),
        ]
    }

    @Test(arguments: [ElementType.float32, .bfloat16], [1, 2, 3, 32])
    func answersAreThoseOfEachPromptAlone(type: ElementType, concurrent: Int) throws {
        let generator = TokenGenerator(try model(type))
        var options = GenerationOptions.greedy(maxNewTokens: 70, stopTokens: [7])
        options.repetitionPenalty = 1.3
        let alone = try prompts.map { try generator.generate($0, options) }
        #expect(Set(alone.map(\.ids)).count > 3)
        let together = try generator.generate(prompts, options, concurrent: concurrent)
        #expect(together == alone)
    }

    /// The hidden states themselves, bit by bit: greedy answers could hide small differences.
    @Test(arguments: [ElementType.float32, .bfloat16]) func bitsAreThoseOfALoneRun(
        type: ElementType
    ) throws {
        let model = try model(type)
        let pass = ForwardPass(type)
        let forest = PrefixForest(prompts)
        let cache = model.makeCache(capacity: 8)
        var branches: [KeyValueCache.Branch] = []
        for segment in forest.layout.segments {
            branches.append(cache.branch(from: segment.parent.map { branches[$0] }))
        }
        let extensions = zip(branches, forest.layout.segments).map {
            KeyValueCache.Extension($0, by: $1.length)
        }
        let together = model.hiddenStates(forest.ids, extending: extensions, of: cache, pass)
            .scalars()
        #expect(together == model.hiddenStates(forest.ids, layout: forest.layout, pass).scalars())
        for (prompt, leaf) in zip(prompts, forest.leaves) {
            let alone = model.hiddenStates(
                prompt, layout: SequenceLayout(lengths: [prompt.count]), pass
            ).scalars()
            let rows = forest.layout.ranges(to: leaf).joined()
            #expect(rows.flatMap { together[$0 * 16..<($0 + 1) * 16] } == alone)
        }
    }

    @Test func everyAnswerIsStreamedAndCanBeCancelled() throws {
        let generator = TokenGenerator(try model(.float32))
        let options = GenerationOptions.greedy(maxNewTokens: 9)
        var streamed: [Int: [Int32]] = [:]
        let results = try generator.generate(prompts, options) { prompt, token in
            streamed[prompt, default: []].append(token)
            return prompt != 2 || streamed[prompt]?.count != 4
        }
        for (index, result) in results.enumerated() {
            #expect(streamed[index] == result.ids)
            #expect(result.finishReason == (index == 2 ? .cancelled : .length))
            #expect(result.ids.count == (index == 2 ? 4 : 9))
        }
    }

    /// Draws are keyed by the prompt's place, so equal prompts get answers of their own and the
    /// number of answers at once changes nothing.
    @Test func drawsDoNotDependOnTheBatch() throws {
        let generator = TokenGenerator(try model(.float32))
        let options = GenerationOptions(maxNewTokens: 20, temperature: 2, topP: 1)
        let same = Array(repeating: prompts[0], count: 5)
        let results = try generator.generate(same, options)
        #expect(Set(results.map(\.ids)).count == 5)
        #expect(try generator.generate(same, options, concurrent: 2) == results)
        #expect(try generator.generate(same[0], options) == results[0])
    }

    @Test func nothingAndWrongPrompts() throws {
        let generator = TokenGenerator(try model(.float32))
        #expect(try generator.generate([[Int32]](), .greedy(maxNewTokens: 3)).isEmpty)
        let none = try generator.generate([[1], [2, 3]], .greedy(maxNewTokens: 0))
        #expect(none.map(\.ids) == [[], []] && none.allSatisfy { $0.finishReason == .length })
        for wrong: [Int32] in [[], prompt(400, "long")] {
            let error = #expect(throws: FledgeError.self) {
                _ = try generator.generate([[1], wrong], .greedy(maxNewTokens: 3))
            }
            #expect(error?.message.contains("prompt 2") == true)
        }
        // The context ends an answer too.
        let full = try generator.generate([prompt(398, "long"), [1]], .greedy(maxNewTokens: 9))
        #expect(full.map(\.ids.count) == [2, 9])
    }

    @Test func rowsOfReleasedBranchesServeAgain() throws {
        let model = try model(.float32)
        let cache = model.makeCache()
        func extend(_ branch: KeyValueCache.Branch, _ count: Int) {
            _ = model.hiddenStates(
                prompt(count, "x"), extending: [.init(branch, by: count)], of: cache,
                ForwardPass(.float32))
        }
        let root = cache.branch()
        extend(root, 70)
        let (left, right) = (cache.branch(from: root), cache.branch(from: root))
        extend(left, 64)
        extend(right, 1)
        #expect(cache.heldRows == 4 * 64)
        #expect(cache.length(of: left) == 134 && cache.length(of: right) == 71)
        cache.release(root)
        #expect(cache.heldRows == 4 * 64)
        cache.release(left)
        #expect(cache.heldRows == 3 * 64)
        cache.release(right)
        #expect(cache.heldRows == 0)
        extend(cache.trunk, 130)
        #expect(cache.heldRows == 3 * 64 && cache.length == 130)
        cache.truncate(to: 64)
        #expect(cache.heldRows == 64 && cache.length == 64)
    }
}
