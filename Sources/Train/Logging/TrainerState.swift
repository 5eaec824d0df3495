public import FledgeCore

/// The file `trainer_state.json`: where training stands, and everything that it logged.
public struct TrainerState: Hashable, Sendable {
    /// The file's name in a checkpoint or output folder.
    public static let fileName = "trainer_state.json"

    /// The step of the best checkpoint.
    public var bestGlobalStep: Int?
    /// The metric of the best checkpoint.
    public var bestMetric: Double?
    /// The folder of the best checkpoint.
    public var bestModelCheckpoint: String?
    /// Passes over the data so far.
    public var epoch = 0.0
    /// Steps between evaluations.
    public var evaluationSteps = 500
    /// Optimizer steps done.
    public var globalStep = 0
    /// Every logged entry in order: its numbers by name, in the order in which they were logged.
    public var logHistory: [LogEntry] = []
    /// Steps between logs.
    public var loggingSteps = 500
    /// Optimizer steps of the whole run.
    public var maxSteps = 0
    /// Tokens of training samples that were trained on.
    public var inputTokensSeen = 0
    /// Passes over the data of the whole run.
    public var trainEpochs = 0
    /// Steps between checkpoints.
    public var saveSteps = 500
    /// What callbacks keep about themselves, by name.
    public var statefulCallbacks: JSONValue = [:]
    /// Floating-point operations so far.
    public var totalFloatingPointOperations = 0.0
    /// Samples of one micro-batch.
    public var trainBatchSize: Int?

    /// One logged entry.
    public struct LogEntry: Hashable, Sendable {
        /// The step at which it was logged.
        public var step: Int
        /// Passes over the data at that time.
        public var epoch: Double
        /// The numbers by name.
        public var values: [String: Double]

        /// Creates an entry.
        public init(step: Int, epoch: Double, values: [String: Double]) {
            (self.step, self.epoch, self.values) = (step, epoch, values)
        }

        var json: JSONValue {
            var members = values.map { JSONValue.Member($0.key, .finite($0.value)) }
            members.append(.init("epoch", .number(epoch)))
            members.append(.init("step", .integer(step)))
            return .object(members)
        }
    }

    /// The state of a run that has not begun.
    public init() {}

    /// Reads a file.
    public init(path: String) throws {
        let json = try JSONValue(contentsOf: path)
        func read<T>(_ key: String, _ value: (JSONValue) -> T?) throws -> T {
            guard let found = json[key], let result = value(found) else {
                throw FledgeError(
                    .fileCorrupt,
                    "\(key) is \(json[key]?.kind ?? "missing"); this is no trainer state.",
                    at: .init(file: path))
            }
            return result
        }
        bestGlobalStep = json["best_global_step"]?.intValue
        bestMetric = json["best_metric"]?.doubleValue
        bestModelCheckpoint = json["best_model_checkpoint"]?.stringValue
        epoch = json["epoch"]?.doubleValue ?? 0
        evaluationSteps =
            json["eval_steps"]?.doubleValue.flatMap { Int(exactly: $0.rounded()) } ?? 0
        globalStep = try read("global_step", \.intValue)
        loggingSteps =
            json["logging_steps"]?.doubleValue.flatMap { Int(exactly: $0.rounded()) } ?? 0
        maxSteps = try read("max_steps", \.intValue)
        inputTokensSeen = json["num_input_tokens_seen"]?.intValue ?? 0
        trainEpochs = json["num_train_epochs"]?.intValue ?? 0
        saveSteps = json["save_steps"]?.doubleValue.flatMap { Int(exactly: $0.rounded()) } ?? 0
        statefulCallbacks = json["stateful_callbacks"] ?? [:]
        totalFloatingPointOperations = json["total_flos"]?.doubleValue ?? 0
        trainBatchSize = json["train_batch_size"]?.intValue
        logHistory = try read("log_history", \.arrayValue).map { entry in
            var values = [String: Double]()
            for member in entry.members ?? [] where member.key != "step" && member.key != "epoch" {
                values[member.key] =
                    member.value.doubleValue ?? member.value.stringValue.flatMap { Double($0) }
            }
            return LogEntry(
                step: entry["step"]?.intValue ?? 0, epoch: entry["epoch"]?.doubleValue ?? 0,
                values: values)
        }
    }

    /// Drops what was logged after a step, for a run that resumes there.
    public mutating func cut(toStep step: Int) { logHistory.removeAll { $0.step > step } }

    /// The file's content: all keys that the reference's library writes.
    public var json: JSONValue {
        [
            "best_global_step": bestGlobalStep.map { .integer($0) } ?? .null,
            "best_metric": bestMetric.map { .finite($0) } ?? .null,
            "best_model_checkpoint": bestModelCheckpoint.map { .string($0) } ?? .null,
            "epoch": .number(epoch), "eval_steps": .integer(evaluationSteps),
            "global_step": .integer(globalStep), "is_hyper_param_search": false,
            "is_local_process_zero": true, "is_world_process_zero": true,
            "log_history": .array(logHistory.map(\.json)),
            "logging_steps": .integer(loggingSteps), "max_steps": .integer(maxSteps),
            "num_input_tokens_seen": .integer(inputTokensSeen),
            "num_train_epochs": .integer(trainEpochs), "save_steps": .integer(saveSteps),
            "stateful_callbacks": statefulCallbacks,
            "total_flos": .number(totalFloatingPointOperations),
            "train_batch_size": trainBatchSize.map { .integer($0) } ?? .null,
            "trial_name": .null, "trial_params": .null,
        ]
    }

    /// Writes the file into a folder.
    public func write(to folder: String) throws {
        let style = JSONWriter.Style(indent: 2, sortsKeys: true)
        try AtomicFile.write(json.serialized(style) + "\n", to: folder + "/" + Self.fileName)
    }
}

extension JSONValue {
    /// A number; what is not finite becomes a string, since JSON has no such numbers.
    static func finite(_ value: Double) -> JSONValue {
        value.isFinite ? .number(value) : .string("\(value)")
    }
}
