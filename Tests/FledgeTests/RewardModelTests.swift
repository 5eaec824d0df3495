import Fledge
import FledgeTesting
import Foundation
import Testing

/// Scores of a reward model, and its folder for transformers.
@Suite struct RewardModelTests {
    private let project: ToyProject

    init() throws { project = try ToyProject() }

    private func scores(_ keys: [String]) throws -> [JSONValue] {
        var lines: [JSONValue] = []
        let run = try project.configuration(
            ["adapter_name_or_path=\(project.path)/adapter", "do_train=false"] + keys)
        try RewardScoring(run).run { lines.append($0) }
        return lines
    }

    @Test(arguments: [1, 3, 8]) func pairsHaveTwoScoresInFullPrecision(batch: Int) throws {
        let lines = try scores(
            ["stage=rm", "dataset=pairs", "per_device_eval_batch_size=\(batch)"])
        #expect(lines.count == 8)
        let rounded = lines.map { line in
            ["chosen", "rejected"].map { ((line[$0]?.doubleValue ?? 9) * 100).rounded() / 100 }
        }
        #expect(
            rounded == [
                [0.04, 0.17], [0.23, 0.34], [0.21, 0.27], [0.3, 0.23], [0.34, 0.16], [0.56, 0.86],
                [0.74, 0.52], [-0.02, 0.48],
            ])
        #expect(lines[0].members?.map(\.key) == ["chosen", "rejected"])
        #expect(lines.contains { $0.serialized().count > 50 })
    }

    @Test func rowsWithOneAnswerHaveOneScore() throws {
        let pairs = try scores(["stage=rm", "dataset=pairs"])
        // The same questions and answers, plain; also in a file of a stage that has no pairs.
        let single = try scores(["dataset=toy"])
        #expect(single.count == 8)
        for (pair, one) in zip(pairs, single) {
            #expect(one.members?.map(\.key) == ["score"])
            let (a, b) = (pair["chosen"]?.doubleValue ?? 0, one["score"]?.doubleValue ?? 9)
            #expect(abs(a - b) < 1e-5)
        }
        let both = try scores(["stage=rm", "dataset=toy,pairs"])
        #expect(both.count == 16 && both[0]["score"] != nil && both[8]["rejected"] != nil)
        let marked = try scores(["dataset=marks"])
        #expect(marked.count == 8 && marked.allSatisfy { $0["score"]?.doubleValue != nil })
    }

    @Test func aModelWithoutAHeadIsRefused() throws {
        let run = try project.configuration(["stage=rm", "dataset=pairs", "do_train=false"])
        let error = #expect(throws: FledgeError.self) { try RewardScoring(run).run { _ in } }
        #expect(error?.message.contains("There is no value head") == true)
    }

    private func export(_ keys: [String]) throws -> String {
        let folder = project.path + "/exported"
        try ModelExport(
            project.configuration(
                [
                    "adapter_name_or_path=\(project.path)/adapter", "do_train=false",
                    "export_dir=\(folder)",
                ] + keys)
        ).run()
        return folder
    }

    @Test func theExportedFolderIsAClassifierAndARewardModel() throws {
        let folder = try export(["stage=rm"])
        let json = try JSONValue(contentsOf: folder + "/config.json")
        #expect(json["architectures"] == ["LlamaForSequenceClassification"])
        #expect(json["num_labels"] == 1 && json["pad_token_id"] == 0)
        let head = try ValueHead(folder: folder, channels: 16)
        #expect(json["fledge_score_bias"]?.doubleValue == head.bias.value.scalar)
        let card = try String(contentsOfFile: folder + "/README.md", encoding: .utf8)
        #expect(card.contains("\(head.bias.value.scalar)") && card.contains("reward model"))
        let file = try SafetensorsFile(path: folder + "/model.safetensors")
        let weight = try file.tensor(named: "score.weight", as: .float32)
        #expect(weight.shape == [1, 16] && weight.scalars() == head.weight.value.scalars())
        #expect(file.shape(of: "lm_head.weight") != nil)
        // The folder is read again: as a reward model with the same scores, and to be trained.
        let before = try scores(["stage=rm", "dataset=pairs"])
        var after: [JSONValue] = []
        let run = try project.configuration([
            "model_name_or_path=\(folder)", "stage=rm", "dataset=pairs", "do_train=false",
        ])
        try RewardScoring(run).run { after.append($0) }
        for (one, other) in zip(before, after) {
            for name in ["chosen", "rejected"] {
                let (a, b) = (one[name]?.doubleValue ?? 0, other[name]?.doubleValue ?? 9)
                #expect(abs(a - b) < 1e-5)
            }
        }
        let again = try export([
            "model_name_or_path=\(folder)", "export_dir=\(folder)-2", "stage=sft",
        ])
        _ = again
        let plain = try JSONValue(contentsOf: folder + "-2/config.json")
        #expect(plain["architectures"] == ["LlamaForCausalLM"])
        #expect(plain["fledge_score_bias"] == nil && plain["num_labels"] == nil)
    }

    @Test func whichFoldersAreClassifiers() throws {
        // A head beside the adapter is meant where no other stage is named.
        let unnamed = try JSONValue(contentsOf: export([]) + "/config.json")
        #expect(unnamed["architectures"] == ["LlamaForSequenceClassification"])
        let named = try JSONValue(contentsOf: export(["stage=sft"]) + "/config.json")
        #expect(named["architectures"] == ["LlamaForCausalLM"])
        let error = #expect(throws: FledgeError.self) {
            try ModelExport(
                project.configuration([
                    "stage=rm", "do_train=false", "export_dir=\(project.path)/none",
                ])
            ).run()
        }
        #expect(error?.message.contains("There is no value head") == true)
    }

    @Test func aTokenThatEndsTextsIsNoPaddingOfAClassifier() throws {
        let path = project.path + "/model/tokenizer_config.json"
        var json = try JSONValue(contentsOf: path)
        json["pad_token"] = "</s>"
        try AtomicFile.write(json.serialized(), to: path)
        let folder = try export(["stage=rm"])
        let configuration = try JSONValue(contentsOf: folder + "/config.json")
        #expect(configuration["pad_token_id"] == 3)
        let tokenizer = try JSONValue(contentsOf: folder + "/tokenizer_config.json")
        #expect(tokenizer["pad_token"] == "<unk>")
    }

    @Test func withoutDropoutOfTheHeadTheSeedChangesNothing() throws {
        let keys = [
            "stage=rm", "dataset=pairs", "adapter_name_or_path=\(project.path)/adapter",
            "max_steps=1", "data_seed=42",
        ]
        func loss(_ more: String...) throws -> Double? {
            try project.history(keys + more).first?["loss"]
        }
        let still = try loss("value_head_dropout=0")
        #expect(try loss("value_head_dropout=0", "seed=7") == still)
        #expect(try loss() != loss("seed=7"))
    }
}
