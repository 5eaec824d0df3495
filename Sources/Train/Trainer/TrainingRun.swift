public import FledgeCore
public import FledgeTensor
internal import Synchronization

/// A request to stop that another thread, or a signal handler, may make.
public final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    /// Creates a flag that is not set.
    public init() {}

    /// Whether somebody asked to stop.
    public var isSet: Bool { flag.load(ordering: .relaxed) }

    /// Asks to stop; the trainer looks after every micro-batch.
    public func set() { flag.store(true, ordering: .relaxed) }
}

/// One line of a run's history: what was measured after a step.
public typealias LogEntry = TrainerState.LogEntry

extension TrainerState.LogEntry {
    /// The value of this name.
    public subscript(name: String) -> Double? { values[name] }
}

/// What one optimizer step did.
public struct StepReport: Hashable, Sendable {
    /// Index of the step, counted from 1.
    public var step: Int
    /// Mean loss over all micro-batches of the step.
    public var loss: Double
    /// L2 norm of the gradient of the mean loss, before clipping.
    public var gradientNorm: Double
    /// The learning rate that was used.
    public var learningRate: Double
    /// Tokens of the step.
    public var tokens: Int
    /// Wall-clock seconds of the step.
    public var seconds: Double
    /// Further means, by name.
    public var metrics: [String: Metric]
    /// What the step looked at, for people.
    public var samples: [JSONValue] = []
    /// What the user should know at once.
    public var warnings: [String] = []
}

/// The state of a run that callbacks see.
public final class TrainingRun {
    /// Which micro-batches belong to which step.
    public let plan: TrainingPlan
    /// The parameters that change.
    public let parameters: [Parameter]
    /// The optimizer and its states.
    public package(set) var optimizer: OptimizerDriver
    /// The learning rates, with what evaluations they have heard of.
    public package(set) var schedule: any LearningRateSchedule
    /// Optimizer steps done.
    public package(set) var step = 0
    /// Updates of the weights; steps may have several.
    public package(set) var updates = 0
    /// Updates after the last whole step; others belong to one that is under way.
    package var wholeUpdates = 0
    /// Tokens that went through training since the run began, over resumes.
    public package(set) var tokens = 0
    /// The sum of the mean losses of all steps since the run began, over resumes.
    public package(set) var lossSum = 0.0
    /// Everything that was logged.
    public package(set) var history: [LogEntry] = []
    /// Step at which this process began: not zero after a resume.
    public package(set) var firstStep = 0
    /// The checkpoint that this process went on from.
    public package(set) var resumedFrom: String?
    /// Steps that the run was to have when the checkpoint was written that this process went on from.
    package var plannedBefore: Int?
    /// Tokens of this process.
    public package(set) var processTokens = 0
    /// Wall-clock seconds since this process began to train.
    public var elapsed: Double { clock.seconds }
    /// Wall-clock seconds of training up to here, over resumes; nil where a checkpoint does not tell.
    public var totalElapsed: Double? { secondsBefore.map { $0 + elapsed } }
    /// Whether a callback asked to end the run after this step.
    public private(set) var isEnding = false
    /// The rank that writes files is 0.
    public let rank: Int

    package var sinceLog: (loss: Double, steps: Int, metrics: [String: Metric]) = (0, 0, [:])
    /// What the stage has to find again when the run goes on from a checkpoint: its state after the last
    /// whole step, whatever a step that is under way has made of it.
    package var stageState = StageState()
    /// Seconds of training before this process; nil where they are not known.
    package var secondsBefore: Double? = 0
    private var clock = Stopwatch()

    init(
        _ plan: TrainingPlan, _ parameters: [Parameter], _ optimizer: any Optimizer,
        _ schedule: any LearningRateSchedule, rank: Int
    ) {
        (self.plan, self.parameters, self.rank) = (plan, parameters, rank)
        self.schedule = schedule
        self.optimizer = OptimizerDriver(optimizer, parameters)
    }

    /// Epochs done, as a fraction.
    public var epoch: Double { plan.epochs(after: step) }

    /// Tokens per second of this process.
    public var tokensPerSecond: Double {
        let seconds = elapsed
        return seconds > 0 ? Double(processTokens) / seconds : 0
    }

    /// Tokens per second of the whole run, over resumes; of this process where the time before it is
    /// not known.
    package var meanTokensPerSecond: Double {
        guard let seconds = totalElapsed else { return tokensPerSecond }
        return seconds > 0 ? Double(tokens) / seconds : 0
    }

    /// Seconds that the remaining steps will take at the pace so far.
    public var remainingSeconds: Double {
        let done = step - firstStep
        guard done > 0 else { return 0 }
        return elapsed * Double(plan.totalSteps - step) / Double(done)
    }

    /// Tells the schedule what an evaluation came to, if it wants to know.
    func hear(_ values: [String: Double]) {
        guard var listening = schedule as? any EvaluationSchedule else { return }
        listening.hear(values)
        schedule = listening
    }

    /// Ends the run after the step that is being reported.
    public func end() { isEnding = true }

    package func restartClock() { clock = Stopwatch() }
}

/// Wall-clock time since it was made.
package struct Stopwatch {
    private let start = ContinuousClock.now

    package init() {}

    package var seconds: Double { (ContinuousClock.now - start).inSeconds }
}
