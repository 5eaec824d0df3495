public import FledgeCore

/// Falls by a factor when evaluations no longer become better (PyTorch's `ReduceLROnPlateau`).
public struct PlateauSchedule: EvaluationSchedule, Hashable {
    /// What is watched.
    public let metric: WatchedMetric
    /// What the rate is multiplied by.
    public let factor: Double
    /// Evaluations without improvement that are borne.
    public let patience: Int
    /// Evaluations after a fall that do not count.
    public let cooldown: Int
    /// The lowest rate.
    public let least: Double
    /// A fall by less is left out.
    public let epsilon: Double
    private var rate: Double
    private var best: Double?
    private var (bad, resting) = (0, 0)

    /// Creates a schedule; the defaults are PyTorch's.
    public init(
        _ rate: Double, _ metric: WatchedMetric = WatchedMetric(), factor: Double = 0.1,
        patience: Int = 10, cooldown: Int = 0, least: Double = 0, epsilon: Double = 1e-8
    ) {
        (self.rate, self.metric, self.factor) = (rate, metric, factor)
        (self.patience, self.cooldown) = (patience, cooldown)
        (self.least, self.epsilon) = (least, epsilon)
    }

    /// The rate since the last fall.
    public func rate(at step: Int) -> Double { rate }

    /// Counts an evaluation.
    public mutating func hear(_ values: [String: Double]) {
        guard let value = values[metric.name] else { return }
        if metric.isBetter(value, than: best) {
            (best, bad) = (value, 0)
        } else {
            bad += 1
        }
        if resting > 0 { (resting, bad) = (resting - 1, 0) }
        guard bad > patience else { return }
        let next = max(rate * factor, least)
        if rate - next > epsilon { rate = next }
        (resting, bad) = (cooldown, 0)
    }

    /// The rate, the best value and the counts.
    public var state: JSONValue {
        get {
            [
                "rate": .number(rate), "best": best.map { .number($0) } ?? .null,
                "bad": .integer(bad), "resting": .integer(resting),
            ]
        }
        set {
            rate = newValue["rate"]?.doubleValue ?? rate
            best = newValue["best"]?.doubleValue
            (bad, resting) = (newValue["bad"]?.intValue ?? 0, newValue["resting"]?.intValue ?? 0)
        }
    }
}
