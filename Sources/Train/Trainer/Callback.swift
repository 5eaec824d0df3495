public import FledgeCore

/// Looks on while a run goes, and acts on it: shows progress, writes logs, saves checkpoints.
///
/// Every requirement has an empty default. After a step the trainer logs, evaluates, and then reports
/// the step, in this order.
public protocol Callback: AnyObject {
    /// Called once before the first step of this process.
    func trainingWillBegin(_ run: TrainingRun) throws
    /// Called when values were logged.
    func didLog(_ entry: LogEntry, _ run: TrainingRun) throws
    /// Called when the evaluation set was evaluated.
    func didEvaluate(_ entry: LogEntry, _ run: TrainingRun) throws
    /// Called after every optimizer step.
    func didFinishStep(_ report: StepReport, _ run: TrainingRun) throws
    /// Called when the run was asked to stop from outside; the step that was under way is dropped.
    func trainingWasInterrupted(_ run: TrainingRun) throws
    /// Called when the run cannot go on, as when a loss is not finite; the step that was under way is
    /// dropped.
    func trainingDidFail(_ error: FledgeError, _ run: TrainingRun)
    /// Called once after the last step.
    func trainingDidEnd(_ summary: LogEntry, _ run: TrainingRun) throws
}

extension Callback {
    /// Does nothing.
    public func trainingWillBegin(_ run: TrainingRun) throws {}
    /// Does nothing.
    public func didLog(_ entry: LogEntry, _ run: TrainingRun) throws {}
    /// Does nothing.
    public func didEvaluate(_ entry: LogEntry, _ run: TrainingRun) throws {}
    /// Does nothing.
    public func didFinishStep(_ report: StepReport, _ run: TrainingRun) throws {}
    /// Does nothing.
    public func trainingWasInterrupted(_ run: TrainingRun) throws {}
    /// Does nothing.
    public func trainingDidFail(_ error: FledgeError, _ run: TrainingRun) {}
    /// Does nothing.
    public func trainingDidEnd(_ summary: LogEntry, _ run: TrainingRun) throws {}
}
