import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Testing

/// Gemma 3 270M, read from its GGUF file, against transformers in float32 on the same weights.
@Suite(
    "Gemma 3 against transformers",
    .enabled(if: CachedModel.gemma3 != nil, "run Scripts/fetch-gemma3.sh"))
struct Gemma3ModelTests {
    private func integers(_ value: JSONValue?) -> [Int] {
        (value?.arrayValue ?? []).compactMap(\.intValue)
    }

    private func fixture() throws -> (step: Int, prompts: [JSONValue]) {
        let json = try JSONValue(contentsOf: fixtures + "/gemma3_logits.json")
        return (json["column_step"]?.intValue ?? 1, json["prompts"]?.arrayValue ?? [])
    }

    @Test func logitsAreThoseOfTransformers() throws {
        let (step, prompts) = try fixture()
        let model = try Checkpoint(path: #require(CachedModel.gemma3)).causalLM()
        #expect(prompts.count == 3)
        for prompt in prompts {
            let ids = integers(prompt["ids"]).map { Int32($0) }
            let hidden = model.hiddenStates(
                ids, layout: SequenceLayout(lengths: [ids.count]), ForwardPass(.float32))
            let positions = integers(prompt["positions"])
            let scores = logits(hidden, head: model.head, rows: positions.map { Int32($0) })
                .scalars()
            let vocabulary = model.configuration.vocabularySize
            let best = integers(prompt["argmax"])
            for (place, columns) in (prompt["columns"]?.arrayValue ?? []).enumerated() {
                let row = scores[place * vocabulary..<(place + 1) * vocabulary]
                let expected = (columns.arrayValue ?? []).compactMap(\.doubleValue)
                let found = stride(from: 0, to: vocabulary, by: step).map {
                    Double(row[row.startIndex + $0])
                }
                let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
                #expect(found.count == expected.count && difference < 2e-3, "\(difference)")
                let top = row[row.startIndex + best[positions[place]]]
                #expect(top >= (row.max() ?? .infinity) - 1e-4)
            }
        }
    }

    @Test func greedyAnswersAreIdentical() throws {
        let generator = TokenGenerator(
            try Checkpoint(path: #require(CachedModel.gemma3)).causalLM())
        for prompt in try fixture().prompts {
            let wanted = integers(prompt["greedy"])
            let options = GenerationOptions.greedy(maxNewTokens: wanted.count)
            let result = try generator.generate(
                integers(prompt["ids"]).map { Int32($0) }, options)
            #expect(result.ids.map { Int($0) } == wanted)
        }
    }
}
