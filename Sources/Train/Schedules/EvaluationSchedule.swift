public import FledgeCore

/// A schedule that follows what evaluations come to.
///
/// Between evaluations the rate stays; what was heard is a part of a run's checkpoints.
public protocol EvaluationSchedule: LearningRateSchedule {
    /// Hears the values of an evaluation, such as `eval_loss`.
    mutating func hear(_ values: [String: Double])

    /// What was heard so far, to go on from.
    var state: JSONValue { get set }
}

/// A value of evaluations, and when it has become better.
public struct WatchedMetric: Hashable, Sendable {
    /// The value's name, such as `eval_loss`.
    public var name: String
    /// Whether larger is better.
    public var isMaximized: Bool
    /// The least change that counts.
    public var threshold: Double
    /// Whether the threshold is a part of the best value so far.
    public var isRelative: Bool

    /// Creates a description.
    public init(
        _ name: String = "eval_loss", isMaximized: Bool = false, threshold: Double = 1e-4,
        isRelative: Bool = true
    ) {
        (self.name, self.isMaximized) = (name, isMaximized)
        (self.threshold, self.isRelative) = (threshold, isRelative)
    }

    /// Whether a value is better than the best so far; any is better than none.
    func isBetter(_ value: Double, than best: Double?) -> Bool {
        guard let best else { return value.isFinite }
        let margin = isRelative ? best * threshold : threshold
        return isMaximized ? value > best + margin : value < best - margin
    }
}
