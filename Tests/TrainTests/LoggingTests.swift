import FledgeCore
import FledgeTrain
import Foundation
import Testing

/// A folder of its own that goes when the value does.
private final class OutputFolder {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("fledge-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func text(_ name: String) throws -> String {
        try String(contentsOfFile: path + "/" + name, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct TrainerLogTests {
    @Test func aLineHasTheReferencesKeysInOrder() throws {
        let folder = try OutputFolder()
        let log = TrainerLog(folder: folder.path)
        var entry = TrainerLog.Entry(
            currentSteps: 3, totalSteps: 9, elapsedSeconds: 3725.4, totalTokens: 7451)
        entry.loss = 0.1 + 0.2
        entry.learningRate = 1e-5
        entry.epoch = 0.5
        try log.append(entry)
        #expect(
            try folder.text("trainer_log.jsonl")
                == """
                {"current_steps": 3, "total_steps": 9, "loss": 0.30000000000000004, "lr": 1e-05, \
                "epoch": 0.5, "percentage": 33.33, "elapsed_time": "1:02:05", \
                "remaining_time": "2:04:10", "throughput": 2.0, "total_tokens": 7451}

                """)
    }

    @Test func emptyRunsAndLongOnesHaveSensibleNumbers() {
        let empty = TrainerLog.Entry(
            currentSteps: 0, totalSteps: 0, elapsedSeconds: 0, totalTokens: 0
        ).json
        #expect(empty["percentage"]?.doubleValue == 100)
        #expect(empty["remaining_time"]?.stringValue == "0:00:00")
        #expect(empty["throughput"]?.doubleValue == 0)
        let long = TrainerLog.Entry(
            currentSteps: 1, totalSteps: 3, elapsedSeconds: 90061, totalTokens: 0
        ).json
        #expect(long["elapsed_time"]?.stringValue == "1 day, 1:01:01")
        #expect(long["remaining_time"]?.stringValue == "2 days, 2:02:02")
    }

    @Test func resumingCutsTheLog() throws {
        let folder = try OutputFolder()
        let log = TrainerLog(folder: folder.path)
        try log.cut(toStep: 3)  // no file yet
        for step in 1...5 {
            var entry = TrainerLog.Entry(
                currentSteps: step, totalSteps: 5, elapsedSeconds: 1, totalTokens: step)
            entry.loss = 1
            try log.append(entry)
        }
        let complete = try folder.text("trainer_log.jsonl")
        // The line that tells of the end of a shorter run goes too: there will be another.
        try log.append(.init(currentSteps: 3, totalSteps: 3, elapsedSeconds: 1, totalTokens: 3))
        let ended = try folder.text("trainer_log.jsonl")
        try (ended + "{\"current_steps\": 2, \"tot").write(
            toFile: log.path, atomically: true, encoding: .utf8)
        try log.cut(toStep: 3)
        let lines = try folder.text("trainer_log.jsonl").split(separator: "\n")
        #expect(Array(lines) == Array(complete.split(separator: "\n").prefix(3)))
        try log.remove()
        try log.remove()
        #expect(!FileManager.default.fileExists(atPath: log.path))
    }
}

@Suite struct TrainerStateTests {
    private func state() -> TrainerState {
        var state = TrainerState()
        state.epoch = 1.5
        state.globalStep = 7
        state.maxSteps = 10
        state.bestMetric = 0.1
        state.bestGlobalStep = 5
        state.bestModelCheckpoint = "out/checkpoint-5"
        state.trainBatchSize = 2
        state.totalFloatingPointOperations = 1e15
        state.logHistory = [
            .init(step: 5, epoch: 1, values: ["loss": 1 / 3, "grad_norm": 2, "learning_rate": 0]),
            .init(step: 7, epoch: 1.5, values: ["loss": .nan]),
        ]
        return state
    }

    @Test func hasExactlyTheReferencesKeys() throws {
        let folder = try OutputFolder()
        try state().write(to: folder.path)
        let text = try folder.text("trainer_state.json")
        let json = try JSONValue(parsing: text)
        #expect(
            json.members?.map(\.key) == [
                "best_global_step", "best_metric", "best_model_checkpoint", "epoch", "eval_steps",
                "global_step", "is_hyper_param_search", "is_local_process_zero",
                "is_world_process_zero", "log_history", "logging_steps", "max_steps",
                "num_input_tokens_seen", "num_train_epochs", "save_steps", "stateful_callbacks",
                "total_flos", "train_batch_size", "trial_name", "trial_params",
            ])
        #expect(text.hasPrefix("{\n  \"best_global_step\": 5,\n") && text.hasSuffix("}\n"))
        let first = json["log_history"]?[0]
        #expect(
            first?.members?.map(\.key) == ["epoch", "grad_norm", "learning_rate", "loss", "step"])
        #expect(first?["loss"]?.doubleValue == 1.0 / 3)
    }

    @Test func whatIsWrittenIsRead() throws {
        let folder = try OutputFolder()
        let written = state()
        try written.write(to: folder.path)
        var read = try TrainerState(path: folder.path + "/trainer_state.json")
        #expect(read.logHistory[1].values["loss"]?.isNaN == true)
        #expect(read.logHistory[0] == written.logHistory[0])
        read.cut(toStep: 5)
        #expect(read.logHistory.count == 1)
        var expected = written
        expected.logHistory.removeLast()
        #expect(read == expected)
    }

    @Test func refusesWhatIsNoState() throws {
        let folder = try OutputFolder()
        for text in [
            "{}", "[]", "{\"global_step\": \"1\"}", "{\"global_step\": 1, \"max_steps\": 2}",
        ] {
            let path = folder.path + "/bad.json"
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            #expect(throws: FledgeError.self, "\(text)") { try TrainerState(path: path) }
        }
    }
}

@Suite struct ResultFilesTests {
    @Test func allResultsAreUpdatedByKey() throws {
        let folder = try OutputFolder()
        let results = ResultFiles(folder: folder.path)
        try results.write(["train_loss": 0.5, "epoch": 3], split: "train")
        try results.write(["eval_loss": 0.25, "epoch": 4], split: "eval")
        #expect(
            try folder.text("train_results.json")
                == "{\n    \"epoch\": 3.0,\n    \"train_loss\": 0.5\n}")
        #expect(
            try folder.text("all_results.json")
                == "{\n    \"epoch\": 4.0,\n    \"eval_loss\": 0.25,\n    \"train_loss\": 0.5\n}")
        let speed = ResultFiles.speed("eval", seconds: 3.000049, samples: 10, steps: 5)
        #expect(
            speed == [
                "eval_runtime": 3.0, "eval_samples_per_second": 3.333,
                "eval_steps_per_second": 1.667,
            ])
    }
}

@Suite struct LossCurveTests {
    @Test func smoothingIsTheReferences() {
        // w = 1.8 (1/(1 + exp(-0.2)) - 0.5) for four values.
        let found = LossCurve.smoothed([4, 2, 3, 1])
        let weight = 1.8 * (1 / (1 + exp(-0.2)) - 0.5)
        var (last, expected) = (4.0, [Double]())
        for value in [4.0, 2, 3, 1] {
            last = last * weight + (1 - weight) * value
            expected.append(last)
        }
        #expect(found == expected && found[0] == 4)
        #expect(LossCurve.smoothed([]).isEmpty)
    }

    @Test func drawsWhatWasLogged() throws {
        let folder = try OutputFolder()
        let history = (0..<40).map { step -> TrainerState.LogEntry in
            let loss = 2.2 * exp(-Double(step) / 12) + 0.4 + 0.15 * sin(Double(step * step))
            return .init(step: step * 5, epoch: 0, values: ["loss": loss, "rewards/chosen": .nan])
        }
        let missing = try LossCurve.write(
            ["loss", "rewards/chosen", "eval_loss"], history: history, to: folder.path)
        #expect(missing == ["rewards/chosen", "eval_loss"])
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(files == ["training_loss.png"])
        if let target = ProcessInfo.processInfo.environment["FLEDGE_KEEP_CURVE"] {
            let bytes = try LossCurve(name: "loss", history: history).png()
            try Data(bytes).write(to: URL(fileURLWithPath: target))
        }
        #expect(
            LossCurve(name: "rewards/chosen", points: []).fileName == "training_rewards_chosen.png")
    }

    @Test func degenerateCurvesAreDrawnToo() throws {
        for points: [(Int, Double)] in [
            [], [(1, 2)], [(1, 2), (2, 2)], [(1, 0), (2, 0)], [(1, 1e-9), (100_000, 1e9)],
            [(3, -4), (2, .infinity), (9, 1)],
        ] {
            let bytes = try LossCurve(name: "loss", points: points).png()
            #expect(Array(bytes.prefix(4)) == [0x89, 0x50, 0x4E, 0x47], "\(points)")
        }
    }
}
