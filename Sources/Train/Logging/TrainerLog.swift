public import FledgeCore

/// The file `trainer_log.jsonl`: a line for each event of training, as it happens.
public struct TrainerLog: Sendable {
    /// The file's name in an output folder.
    public static let fileName = "trainer_log.jsonl"

    /// One event. What is nil is left out of the line.
    public struct Entry: Hashable, Sendable {
        /// Optimizer steps done.
        public var currentSteps: Int
        /// Optimizer steps of the whole run.
        public var totalSteps: Int
        /// The loss of training.
        public var loss: Double?
        /// The loss of evaluation.
        public var evaluationLoss: Double?
        /// The loss of prediction.
        public var predictionLoss: Double?
        /// The mean reward.
        public var reward: Double?
        /// The mean reward of evaluation.
        public var evaluationReward: Double?
        /// The share of pairs whose chosen answer has the higher reward.
        public var accuracy: Double?
        /// The learning rate that the last step used.
        public var learningRate: Double?
        /// Passes over the data so far.
        public var epoch: Double?
        /// Seconds since the start of training.
        public var elapsedSeconds: Double
        /// Tokens of training samples that were trained on so far.
        public var totalTokens: Int
        /// Tokens per second; those of ``totalTokens`` in ``elapsedSeconds`` when nil.
        public var throughput: Double?

        /// Creates an event.
        public init(currentSteps: Int, totalSteps: Int, elapsedSeconds: Double, totalTokens: Int) {
            self.currentSteps = currentSteps
            self.totalSteps = totalSteps
            self.elapsedSeconds = elapsedSeconds
            self.totalTokens = totalTokens
        }

        /// Whether the line tells of something that was measured, as the last line of a run does not.
        static func tellsOfMeasurement(_ line: JSONValue) -> Bool {
            ["loss", "eval_loss", "predict_loss", "reward", "eval_reward"].contains {
                line[$0] != nil
            }
        }

        /// The line's content, keys in the reference's order.
        public var json: JSONValue {
            var members: [JSONValue.Member] = [
                .init("current_steps", .integer(currentSteps)),
                .init("total_steps", .integer(totalSteps)),
            ]
            let numbers = [
                ("loss", loss), ("eval_loss", evaluationLoss), ("predict_loss", predictionLoss),
                ("reward", reward), ("eval_reward", evaluationReward), ("accuracy", accuracy),
                ("lr", learningRate), ("epoch", epoch),
            ]
            for (key, number) in numbers {
                if let number { members.append(.init(key, .finite(number))) }
            }
            let share = totalSteps > 0 ? Double(currentSteps) / Double(totalSteps) * 100 : 100
            let remaining =
                currentSteps > 0
                ? Double(totalSteps - currentSteps) * elapsedSeconds / Double(currentSteps) : 0
            let throughput =
                throughput ?? (elapsedSeconds > 0 ? Double(totalTokens) / elapsedSeconds : 0)
            members += [
                .init("percentage", .number(TrainerLog.rounded(share, 2))),
                .init("elapsed_time", .string(TimeText.clock(elapsedSeconds))),
                .init("remaining_time", .string(TimeText.clock(remaining))),
                .init("throughput", .number(TrainerLog.rounded(throughput, 2))),
                .init("total_tokens", .integer(totalTokens)),
            ]
            return .object(members)
        }
    }

    /// The file's path.
    public let path: String

    /// The log of an output folder.
    public init(folder: String) { path = folder + "/" + Self.fileName }

    /// Appends an event's line in one write, so that a reader never sees half of it.
    public func append(_ entry: Entry) throws { try file.append(entry.json) }

    /// Removes the file, for a run that starts anew.
    public func remove() throws { try file.remove() }

    /// Keeps the lines up to a step, for a run that resumes there: what came after will come again, and
    /// so will the last line, which tells of the end.
    ///
    /// A last line that a crash left incomplete goes too.
    public func cut(toStep step: Int) throws {
        try file.keep {
            ($0["current_steps"]?.intValue ?? .max) <= step && Entry.tellsOfMeasurement($0)
        }
    }

    private var file: LineFile { LineFile(path: path) }

    /// A number rounded to decimals.
    static func rounded(_ value: Double, _ decimals: Int) -> Double {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        return (value * scale).rounded(.toNearestOrEven) / scale
    }
}
