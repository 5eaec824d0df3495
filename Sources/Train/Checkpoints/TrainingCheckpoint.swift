public import FledgeCore
internal import FledgeModel
internal import FledgeTensor
internal import Foundation
internal import Logging

/// Everything that a run needs to go on as if it had never stopped.
///
/// Order, dropout and schedule are pure functions of seed and step, so beside weights and optimizer
/// moments a checkpoint holds only counters and the history. `manifest.json` lists sizes and digests
/// of all files and is written last; the folder is made aside and renamed.
public struct TrainingCheckpoint: Sendable {
    /// The checkpoint's folder.
    public let folder: String
    /// Optimizer steps done.
    public let step: Int
    /// Counters and everything that was logged.
    public let state: TrainerState
    /// Whether it holds weights alone (`save_only_model`), from which training cannot go on.
    public let holdsOnlyModel: Bool
    private let progress: JSONValue

    /// Whether the optimizer's states are known to be finite.
    package var hasSoundStates = false

    static let formatVersion = 1
    static let progressName = "fledge_state.json"
    static let optimizerName = "optimizer.safetensors"
    static let stageName = "stage.safetensors"
    /// The most that counters reach: beyond, numbers of JSON are no longer exact.
    private static let mostCounted = 1 << 53

    /// Opens a checkpoint and checks every file against the manifest.
    ///
    /// - Throws: ``FledgeError`` when a file is missing or damaged.
    public init(folder: String) throws {
        self.folder = folder
        let watch = Stopwatch()
        try CheckpointManifest.verify(folder)
        Logger.fledgeTrain.debug(
            "checkpoint verified",
            metadata: ["folder": "\(folder)", "seconds": "\(watch.seconds)"])
        state = try TrainerState(path: folder + "/" + TrainerState.fileName)
        guard FileManager.default.fileExists(atPath: folder + "/" + Self.progressName) else {
            (holdsOnlyModel, progress, step) = (true, .object([]), state.globalStep)
            _ = try Self.count(.integer(step), "global_step", folder, TrainerState.fileName)
            return
        }
        holdsOnlyModel = false
        progress = try JSONValue(contentsOf: folder + "/" + Self.progressName)
        guard let version = progress["format_version"]?.intValue, version <= Self.formatVersion,
            let step = progress["step"]?.intValue, step == state.globalStep
        else {
            throw FledgeError(
                .fileCorrupt, "The state is not one that this version of Fledge wrote.",
                at: .init(file: folder + "/" + Self.progressName))
        }
        self.step = try Self.count(.integer(step), "step", folder, Self.progressName)
    }

    /// A counter; 0 where there is none.
    ///
    /// - Throws: ``FledgeError`` for a number that no run counts to.
    private static func count(
        _ value: JSONValue?, _ key: String, _ folder: String, _ file: String = progressName
    ) throws -> Int {
        guard let value, !value.isNull else { return 0 }
        guard let count = value.intValue, (0...mostCounted).contains(count) else {
            throw FledgeError(
                .fileCorrupt,
                "\(key) is \(value.serialized(.compact)), expected a count from 0 to 2^53.",
                advice: "Somebody has changed the file; resume from another checkpoint.",
                at: .init(file: folder + "/" + file))
        }
        return count
    }

    /// The newest checkpoint folder below `folder`, by its step; those are left out that are marked,
    /// since their weights lead to no finite loss.
    public static func newest(in folder: String) -> String? { sound(in: folder).last }

    /// The checkpoint folders below `folder` that no run has found spoiled, by their steps. Folders with
    /// nothing in them are no checkpoints.
    package static func sound(in folder: String) -> [String] {
        steps(in: folder).sorted().map { "\(folder)/checkpoint-\($0)" }.filter { path in
            SpoiledMark.reason(path) == nil && (try? Folder.names(in: path)) != []
        }
    }

    /// The checkpoint folders below `folder` that a run has found spoiled, by their steps.
    package static func spoiled(in folder: String) -> [String] {
        steps(in: folder).sorted().map { "\(folder)/checkpoint-\($0)" }.filter {
            SpoiledMark.reason($0) != nil
        }
    }

    /// All checkpoint folders of Fledge below `folder`, by their steps.
    public static func all(in folder: String) -> [String] {
        steps(in: folder).sorted().map { "\(folder)/checkpoint-\($0)" }.filter {
            FileManager.default.fileExists(atPath: $0 + "/" + CheckpointManifest.name)
        }
    }

    /// Whether a folder is a checkpoint of Fledge: has a manifest that lists the state of a trainer.
    public static func isOne(_ folder: String) -> Bool {
        let manifest = try? JSONValue(contentsOf: folder + "/" + CheckpointManifest.name)
        return manifest?["files"]?[TrainerState.fileName] != nil
    }

    /// The steps that there are checkpoints of.
    static func steps(in folder: String) -> [Int] {
        ((try? Folder.names(in: folder)) ?? []).compactMap { name in
            guard name.hasPrefix("checkpoint-") else { return nil }
            return Int(name.dropFirst("checkpoint-".count))
        }
    }

    /// What the run was configured with when the checkpoint was written.
    public var options: JSONValue? { progress["options"] }

    /// The kernels that wrote the checkpoint (`Kernels.signature`).
    public var kernelPath: String? { progress["kernels"]?.stringValue }

    // MARK: - Writing

    /// Writes what a checkpoint keeps of a run beside weights and logs.
    static func writeState(of run: TrainingRun, options: JSONValue, to folder: String) throws {
        try SafetensorsWriter.write(
            run.optimizer.tensors.map { ($0.name, $0.tensor) },
            to: folder + "/" + optimizerName)
        let metrics = run.sinceLog.metrics.sorted { $0.key < $1.key }
        let stage = run.stageState
        if !stage.tensors.isEmpty {
            try SafetensorsWriter.write(
                stage.tensors.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 },
                to: folder + "/" + stageName)
        }
        let progress: JSONValue = .object([
            "format_version": .integer(formatVersion), "kernels": .string(Kernels.signature),
            "loss_sum": .number(run.lossSum), "options": options,
            "since_log": .object([
                "loss": .number(run.sinceLog.loss),
                "metrics": .object(
                    metrics.map {
                        .init($0.key, .array([.number($0.value.sum), .number($0.value.weight)]))
                    }),
                "steps": .integer(run.sinceLog.steps),
            ]), "seconds": run.totalElapsed.map { .number($0) } ?? .null,
            "schedule": (run.schedule as? any EvaluationSchedule)?.state ?? .null,
            "stage": stage.values,
            "step": .integer(run.step),
            "tokens": .integer(run.tokens), "updates": .integer(run.updates),
        ])
        try AtomicFile.write(
            progress.serialized(.indented) + "\n", to: folder + "/" + progressName)
    }

    // MARK: - Going on

    /// Checks that there is more than weights.
    ///
    /// - Throws: ``FledgeError`` when the run saved weights alone.
    package func requireStates() throws {
        guard holdsOnlyModel else { return }
        throw FledgeError(
            .configuration,
            "The checkpoint was saved with save_only_model: it holds weights but no state of the optimizer, so the run cannot go on from it.",
            advice:
                "Set overwrite_output_dir: true to start anew, or begin a new run in another output_dir with this folder as adapter_name_or_path (model_name_or_path where all weights are trained).",
            at: .init(file: folder))
    }

    /// Puts counters, history and optimizer states into a run that has not begun.
    ///
    /// - Returns: What the stage wrote.
    /// - Throws: ``FledgeError`` when optimizer states are missing or not finite.
    func restore(_ run: TrainingRun) throws -> StageState {
        try requireStates()
        if !hasSoundStates, let name = try firstSpoiledState() {
            throw FledgeError(
                .notFinite,
                "The optimizer's state \(name) of this checkpoint is not finite: training cannot go on from it.",
                advice: "Resume from an earlier checkpoint.", at: .init(file: folder))
        }
        let path = folder + "/" + Self.optimizerName
        let file = try SafetensorsFile(path: path)
        // Steps had one update each before there were others.
        let updates = progress["updates"]
        run.updates = try updates == nil ? step : Self.count(updates, "updates", folder)
        run.wholeUpdates = run.updates
        // Before the first update there are no states.
        let missing =
            try run.updates == 0
            ? []
            : run.optimizer.restore(after: run.updates) { name in
                file.shape(of: name) == nil ? nil : try file.tensor(named: name)
            }
        if let first = missing.first {
            throw FledgeError(
                .mismatch, "\(missing.count) optimizer states are missing: \(first), …",
                advice:
                    "The checkpoint is of a run with other parameters or another optimizer: train as that run did, or start anew in another folder.",
                at: .init(file: path))
        }
        if var listening = run.schedule as? any EvaluationSchedule,
            let state = progress["schedule"],
            !state.isNull
        {
            listening.state = state
            run.schedule = listening
        }
        run.step = step
        run.firstStep = step
        run.history = state.logHistory
        run.resumedFrom = folder
        run.plannedBefore = state.maxSteps
        run.secondsBefore = progress["seconds"]?.doubleValue.flatMap { $0 >= 0 ? $0 : nil }
        run.tokens = try Self.count(progress["tokens"], "tokens", folder)
        run.lossSum = progress["loss_sum"]?.doubleValue ?? 0
        let sinceLog = progress["since_log"]
        run.sinceLog.loss = sinceLog?["loss"]?.doubleValue ?? 0
        run.sinceLog.steps = try Self.count(sinceLog?["steps"], "since_log.steps", folder)
        for member in sinceLog?["metrics"]?.members ?? [] {
            guard let sum = member.value[0]?.doubleValue,
                let weight = member.value[1]?.doubleValue
            else { continue }
            run.sinceLog.metrics[member.key] = Metric(sum: sum, weight: weight)
        }
        return try stageState()
    }

    /// What the stage wrote; an empty state where it wrote nothing.
    ///
    /// - Throws: ``FledgeError`` when its tensors cannot be read.
    package func stageState() throws -> StageState {
        var state = StageState(values: progress["stage"] ?? .object([]))
        let path = folder + "/" + Self.stageName
        guard FileManager.default.fileExists(atPath: path) else { return state }
        let file = try SafetensorsFile(path: path)
        for name in file.names { state.tensors[name] = try file.tensor(named: name).owned() }
        return state
    }
}
