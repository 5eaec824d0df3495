import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// SmolLM2-135M-Instruct, read straight from its GGUF file, against transformers in float32 on the
/// same weights expanded to a folder.
@Suite(
    "SmolLM2 against transformers", .enabled(if: CachedModel.path != nil, "fetch the default model")
)
struct SmolLM2Tests {
    private struct Prompt {
        let ids: [Int32]
        let positions: [Int]
        let columns: [[Double]]
        let argmax: [Int]
        let greedy: [Int32]
    }

    private static func fixture() throws -> (step: Int, prompts: [Prompt]) {
        let json = try JSONValue(contentsOf: fixtures + "/smollm2_logits.json")
        func integers(_ value: JSONValue?) -> [Int] {
            (value?.arrayValue ?? []).compactMap(\.intValue)
        }
        func numbers(_ value: JSONValue) -> [Double] {
            (value.arrayValue ?? []).compactMap(\.doubleValue)
        }
        let prompts: [Prompt] = (json["prompts"]?.arrayValue ?? []).map { prompt in
            let columns = prompt["columns"]?.arrayValue ?? []
            return Prompt(
                ids: integers(prompt["ids"]).map { Int32($0) },
                positions: integers(prompt["positions"]), columns: columns.map(numbers),
                argmax: integers(prompt["argmax"]),
                greedy: integers(prompt["greedy"]).map { Int32($0) })
        }
        return (json["column_step"]?.intValue ?? 1, prompts)
    }

    @Test func logitsAreWithinAThousandth() throws {
        let (step, prompts) = try Self.fixture()
        let model = try Checkpoint(path: #require(CachedModel.path)).causalLM()
        #expect(prompts.count == 3)
        for prompt in prompts {
            let hidden = model.hiddenStates(
                prompt.ids, layout: SequenceLayout(lengths: [prompt.ids.count]),
                ForwardPass(.float32))
            let scores = logits(hidden, head: model.head).scalars()
            let vocabulary = model.configuration.vocabularySize
            for (position, expected) in zip(prompt.positions, prompt.columns) {
                let row = scores[(position * vocabulary)..<((position + 1) * vocabulary)]
                let found = stride(from: 0, to: vocabulary, by: step).map {
                    Double(row[row.startIndex + $0])
                }
                let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
                #expect(found.count == expected.count && difference < 1e-3)
            }
            for (position, best) in prompt.argmax.enumerated() {
                let row = scores[(position * vocabulary)..<((position + 1) * vocabulary)]
                #expect(row[row.startIndex + best] >= (row.max() ?? .infinity) - 1e-4)
            }
        }
    }

    @Test func greedyAnswersAreIdentical() throws {
        let generator = TokenGenerator(
            try Checkpoint(path: #require(CachedModel.path)).causalLM())
        for prompt in try Self.fixture().prompts {
            let result = try generator.generate(prompt.ids, .greedy(maxNewTokens: 64))
            #expect(result.ids == prompt.greedy)
        }
    }
}
