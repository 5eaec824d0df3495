import Fledge
import FledgeTesting
import Foundation
import Testing

/// Predictions of the reference on eight rows with the adapter as it is
/// (`Scripts/reference/toy_predictions.py`).
@Suite struct ToyPredictionTests {
    private let project: ToyProject
    private var output: String { project.path + "/out" }

    init() throws { project = try ToyProject() }

    private static let answers: [JSONValue] = [
        ("<unk> s </s> <unk> a b c </s> <unk>", "c l a a a a a a", "d e f"),
        ("<unk> g h </s> <unk>", "t t m t p p p p", "i j k l"),
        ("<unk> b d f h j l </s> <unk>", "k i a a s q s q", "a"),
        ("<unk> k </s> <unk> m n o p </s> <unk>", "j t t t t t t t", "q r s t"),
        ("<unk> t s r </s> <unk>", "c s q q q q q q", "q p o n m"),
        ("<unk> c c d </s> <unk>", "q q q q q q q q", "e e"),
        ("<unk> f a c e </s> <unk>", "c b p p", "b e d"),
        ("<unk> l o g </s> <unk>", "q q q q q q q q", "h i t"),
    ].map { ["prompt": .string($0), "predict": .string($1), "label": .string($2)] }

    private static let metrics = [
        "rouge-1": 15.6249875, "rouge-2": 0, "rouge-l": 10.3556125, "bleu-4": 5.295025,
    ]

    private var generating: [String] {
        [
            "adapter_name_or_path=\(project.path)/adapter", "eval_dataset=toy",
            "predict_with_generate=true", "do_sample=false", "max_new_tokens=8",
            "per_device_eval_batch_size=3",
        ]
    }

    private var scoring: [String] {
        [
            "adapter_name_or_path=\(project.path)/adapter", "stage=rm", "eval_dataset=pairs",
            "per_device_eval_batch_size=3", "do_train=false",
        ]
    }

    private func run(_ keys: [String]) throws {
        try TrainingRecipe(project.configuration(keys)).run()
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: output + "/" + name, encoding: .utf8)
    }

    private func expect(_ results: (String) -> Double?, _ prefix: String) {
        for (name, expected) in Self.metrics {
            let value = results(prefix + name) ?? .nan
            #expect(abs(value - expected) < 1e-9, "\(prefix)\(name): \(value)")
        }
    }

    @Test(arguments: [1, 3, 8]) func answersAndTheirMetricsAreTheReferences(
        batch: Int
    ) throws {
        try run(
            generating + [
                "do_train=false", "do_predict=true", "per_device_eval_batch_size=\(batch)",
            ])
        let lines = try text("generated_predictions.jsonl")
        #expect(lines == Self.answers.map { $0.serialized() + "\n" }.joined())
        let results = try JSONValue(contentsOf: output + "/predict_results.json")
        expect({ results[$0]?.doubleValue }, "predict_")
        #expect(results["predict_loss"] == nil && results["predict_note"] == nil)
        #expect(results["predict_runtime"]?.doubleValue != nil)
        let all = try JSONValue(contentsOf: output + "/all_results.json")
        #expect(all["predict_bleu-4"] == results["predict_bleu-4"])
    }

    /// A rate that follows evaluations is told what they come to, or the run ends.
    @Test func ratesFollowWhatIsGenerated() throws {
        let keys =
            generating + [
                "dataset=toy", "eval_strategy=steps", "eval_steps=1", "max_steps=3",
                "lr_scheduler_type=reduce_lr_on_plateau",
                "lr_scheduler_kwargs={patience: 0, eps: 0}", "learning_rate=1e-9",
            ]
        let error = try #require(throws: FledgeError.self) { try run(keys) }
        #expect(error.message.contains("metric_for_best_model is loss"), "\(error)")
        #expect(error.advice.contains("rouge-1"), "\(error)")
        let history = try project.history(
            keys + ["metric_for_best_model=rouge-1"])
        #expect(Set(history.compactMap { $0["learning_rate"] }).count > 1)
    }

    /// No answer is longer than the context, whatever is allowed.
    @Test func longAnswersEndWithTheContext() throws {
        func peak(_ words: String...) throws -> Int {
            let run = try project.configuration(
                generating + ["dataset=toy", "eval_strategy=steps"] + words)
            return try #require(RunPlanner(run, measures: false).run().cost).peakBytes
        }
        let most = try peak("max_new_tokens=2147483648")
        #expect(most < 256 << 20)
        #expect(try peak("max_new_tokens=1000000") == most)
    }

    @Test func evaluationsOfTrainingGenerateToo() throws {
        let history = try project.history(
            generating + [
                "dataset=toy", "eval_strategy=steps", "eval_steps=2", "eval_on_start=true",
                "max_steps=2", "metric_for_best_model=bleu-4", "plot_loss=true",
            ])
        let evaluations = history.filter { $0["eval_bleu-4"] != nil }
        #expect(evaluations.map(\.step) == [0, 2])
        let first = try #require(evaluations.first)
        expect({ first[$0] }, "eval_")
        #expect(first["eval_loss"] == nil)
        let state = try TrainerState(path: output + "/trainer_state.json")
        let best = evaluations.compactMap { $0["eval_bleu-4"] }.max()
        #expect(state.bestMetric == best)
        #expect(FileManager.default.fileExists(atPath: output + "/training_eval_bleu-4.png"))
    }

    @Test func rowsForEvaluationAreQuestions() throws {
        let run = try project.configuration(generating + ["dataset=toy"])
        let rows = try Preprocessing(run, threads: 1)
        var seen: [JSONValue] = []
        try rows.write(.validation) { seen.append($0) }
        #expect(seen.count == 8)
        #expect(
            seen[0]["input_ids"]?.arrayValue?.compactMap(\.intValue) == [
                3, 22, 2, 3, 4, 5, 6, 2, 3,
            ]
        )
        #expect(seen[0]["labels"]?.arrayValue?.compactMap(\.intValue) == [7, 8, 9, 2])
        var learned: [JSONValue] = []
        try rows.write(.train) { learned.append($0) }
        #expect(learned[0]["input_ids"]?.arrayValue?.count == 13)
    }

    @Test func aQuestionThatFillsTheContextIsRefusedBeforeTheFirstStep() throws {
        let long = Array(repeating: "a", count: 70).joined(separator: " ")
        try AtomicFile.write(
            JSONValue.array([["instruction": .string(long), "output": "b"]]).serialized(),
            to: project.path + "/data/long.json")
        let error = #expect(throws: FledgeError.self) {
            try run(
                generating + [
                    "dataset=toy", "eval_dataset=\(project.path)/data/long.json", "cutoff_len=100",
                    "eval_strategy=steps",
                ])
        }
        #expect(error?.message.contains("the model's context holds 64") == true)
        #expect(error?.location?.file.hasSuffix("long.json") == true)
    }

    @Test func drawsDoNotDependOnBatches() throws {
        var seen = Set<String>()
        for batch in [1, 3, 8] {
            try run(
                generating + [
                    "do_train=false", "do_predict=true", "do_sample=true", "temperature=3",
                    "top_p=1", "top_k=0", "per_device_eval_batch_size=\(batch)",
                ])
            seen.insert(try text("generated_predictions.jsonl"))
        }
        #expect(seen.count == 1)
    }

    @Test func chineseIsCutIntoCharactersAndTheResultsSaySo() throws {
        let tokenizer = project.path + "/model/tokenizer.json"
        let known = try String(contentsOfFile: tokenizer, encoding: .utf8)
        try AtomicFile.write(known.replacing("\"t\"", with: "\"好\""), to: tokenizer)
        try AtomicFile.write(
            JSONValue.array([["instruction": "a b", "output": "好"]]).serialized(),
            to: project.path + "/data/chinese.json")
        var heard: [String] = []
        let run = try project.configuration(
            generating + [
                "do_train=false", "do_predict=true",
                "eval_dataset=\(project.path)/data/chinese.json",
            ])
        try TrainingRecipe(run) { heard.append($0) }.run()
        let results = try JSONValue(contentsOf: output + "/predict_results.json")
        let note = results["predict_note"]?.stringValue ?? ""
        #expect(note.contains("Chinese is cut into characters") && heard.contains(note))
        #expect(try text("generated_predictions.jsonl").contains("\"label\": \"好\""))
    }

    @Test func pairsAreScoredAsTheReferenceScoresThem() throws {
        try run(scoring + ["do_predict=true"])
        let scores = [
            (0.04, 0.17), (0.23, 0.34), (0.21, 0.27), (0.3, 0.23), (0.34, 0.16), (0.56, 0.86),
            (0.74, 0.52), (-0.02, 0.48),
        ]
        #expect(
            try text("generated_predictions.jsonl")
                == scores.map { "{\"chosen\": \($0), \"rejected\": \($1)}" }.joined(separator: "\n")
        )
        let results = try JSONValue(contentsOf: output + "/predict_results.json")
        #expect(abs((results["predict_loss"]?.doubleValue ?? 0) - 0.74074) < 5e-6)
        #expect(results["predict_accuracy"] == 0.375)
        #expect(results["predict_samples_per_second"] != nil)
    }

    @Test func stagesThatPredictNothingSaySo() throws {
        var heard: [String] = []
        let run = try project.configuration(
            [
                "adapter_name_or_path=\(project.path)/adapter", "stage=pt", "eval_dataset=texts",
                "cutoff_len=8", "do_train=false", "do_predict=true",
            ])
        try TrainingRecipe(run) { heard.append($0) }.run()
        #expect(heard.contains { $0.contains("stage pt predicts nothing") })
        #expect(!FileManager.default.fileExists(atPath: output + "/generated_predictions.jsonl"))
    }

    @Test func keysThatContradictEachOtherAreRefused() throws {
        func message(_ keys: [String]) -> String {
            let error = #expect(throws: FledgeError.self) { try project.configuration(keys) }
            return error?.message ?? ""
        }
        #expect(
            message(["eval_dataset=toy", "do_predict=true"])
                == "Please enable `predict_with_generate` to save model predictions.")
        #expect(
            message(["stage=rm", "eval_dataset=pairs", "predict_with_generate=true"])
                == "`predict_with_generate` cannot be set as True except SFT.")
        #expect(
            message(generating + ["compute_accuracy=true"])
                == "Cannot use `predict_with_generate` and `compute_accuracy` together.")
        #expect(
            message(["dataset=toy", "do_predict=true", "predict_with_generate=true"])
                == "Please make sure eval_dataset be provided or val_size >1e-6")
    }

    @Test func aMetricThatNoEvaluationGivesIsAnError() throws {
        let error = #expect(throws: FledgeError.self) {
            try run([
                "stage=rm", "dataset=pairs", "eval_dataset=pairs", "eval_strategy=steps",
                "eval_steps=1", "metric_for_best_model=rewards/accuracies",
            ])
        }
        #expect(error?.message.contains("metric_for_best_model is rewards/accuracies") == true)
        #expect(error?.advice == "It gives accuracy, loss.")
    }

    @Test(arguments: [
        ("sft", "toy", "accuracy", ["compute_accuracy=true"]), ("rm", "pairs", "accuracy", []),
        ("dpo", "pairs", "rewards/accuracies", []), ("kto", "marks", "rewards/margins", []),
        ("pt", "texts", "loss", ["cutoff_len=8"]),
    ]) func theBestCheckpointIsKeptAndTaken(
        stage: String, data: String, metric: String, more: [String]
    ) throws {
        try run(
            [
                "stage=\(stage)", "dataset=\(data)", "eval_dataset=\(data)", "eval_strategy=steps",
                "eval_steps=1", "save_strategy=steps", "save_steps=1", "save_total_limit=1",
                "load_best_model_at_end=true", "metric_for_best_model=\(metric)",
                "finetuning_type=full", "learning_rate=0.05", "plot_loss=true",
            ] + more)
        let state = try TrainerState(path: output + "/trainer_state.json")
        let values = state.logHistory.compactMap { $0["eval_" + metric] }
        #expect(values.count == 4)
        #expect(state.bestMetric == (metric == "loss" ? values.min() : values.max()))
        let best = try #require(state.bestModelCheckpoint)
        let names = ["model.safetensors"] + (stage == "rm" ? ["value_head.safetensors"] : [])
        for name in names {
            #expect(
                FileManager.default.contents(atPath: best + "/" + name)
                    == FileManager.default.contents(atPath: output + "/" + name))
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: output)
        #expect(left.count { $0.hasPrefix("checkpoint-") } <= 2)
        let plot = "training_eval_\(metric.replacing("/", with: "_")).png"
        #expect(left.contains(plot), "\(left)")
    }

    @Test func trainingStopsWhenTheAccuracyStays() throws {
        let history = try project.history([
            "stage=rm", "dataset=pairs", "eval_dataset=pairs", "eval_strategy=steps",
            "eval_steps=1", "early_stopping_steps=2", "metric_for_best_model=accuracy",
            "learning_rate=0", "num_train_epochs=5",
        ])
        #expect(history.compactMap { $0["eval_accuracy"] }.count == 3)
    }
}
