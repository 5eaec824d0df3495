public import FledgeCore

/// Rises while evaluations become better and falls when they do not (GreedyLR of transformers).
public struct GreedySchedule: EvaluationSchedule, Hashable {
    /// What is watched.
    public let metric: WatchedMetric
    /// What the rate is multiplied by, and divided by to rise.
    public let factor: Double
    /// Evaluations alike, better or not, that change nothing yet.
    public let patience: Int
    /// Evaluations after a fall that do not count.
    public let cooldown: Int
    /// Evaluations after a rise that do not count.
    public let warmup: Int
    /// The lowest and the highest rate that it goes to.
    public let bounds: ClosedRange<Double>
    /// A change by less is left out.
    public let epsilon: Double
    /// Falls at the lowest rate until it begins anew.
    public let resetAfter: Int
    private let first: Double
    private var rate: Double
    private var best: Double?
    private var (bad, good, cooling, warming) = (0, 0, 0, 0)
    private var untilReset: Int

    /// Creates a schedule; the defaults are those of transformers.
    public init(
        _ rate: Double,
        _ metric: WatchedMetric = WatchedMetric(threshold: 1e-6, isRelative: false),
        factor: Double = 0.95, patience: Int = 10, cooldown: Int = 0, warmup: Int = 0,
        bounds: ClosedRange<Double> = 1e-3...1, epsilon: Double = 1e-8, resetAfter: Int = 500
    ) {
        (first, self.rate, self.metric, self.factor) = (rate, rate, metric, factor)
        (self.patience, self.cooldown, self.warmup) = (patience, cooldown, warmup)
        (self.bounds, self.epsilon) = (bounds, epsilon)
        (self.resetAfter, untilReset) = (resetAfter, resetAfter)
    }

    /// The rate since the last change.
    public func rate(at step: Int) -> Double { rate }

    /// Counts an evaluation.
    public mutating func hear(_ values: [String: Double]) {
        guard let value = values[metric.name] else { return }
        if cooling > 0 || warming > 0 {
            if cooling > 0 { cooling -= 1 } else { warming -= 1 }
            (bad, good) = (0, 0)
            return
        }
        if metric.isBetter(value, than: best) {
            (best, bad, good) = (value, 0, good + 1)
        } else {
            (bad, good) = (bad + 1, 0)
        }
        if good > patience {
            let next = min(rate / factor, bounds.upperBound)
            if next - rate > epsilon { rate = next }
            (warming, good, untilReset) = (warmup, 0, resetAfter)
        } else if bad > patience {
            fall()
        }
    }

    private mutating func fall() {
        let next = max(rate * factor, bounds.lowerBound)
        if rate - next > epsilon { rate = next }
        (cooling, bad) = (cooldown, 0)
        guard rate <= bounds.lowerBound else { return }
        untilReset -= 1
        guard untilReset <= 0 else { return }
        (rate, best, untilReset) = (first, nil, resetAfter)
        // The reference counts the rest that follows the last fall here too.
        (good, warming) = (0, 0)
    }

    /// The rate, the best value and the counts.
    public var state: JSONValue {
        get {
            [
                "rate": .number(rate), "best": best.map { .number($0) } ?? .null,
                "counts": .array([bad, good, cooling, warming, untilReset].map { .integer($0) }),
            ]
        }
        set {
            rate = newValue["rate"]?.doubleValue ?? rate
            best = newValue["best"]?.doubleValue
            let counts = newValue["counts"]?.arrayValue?.compactMap(\.intValue) ?? []
            guard counts.count == 5 else { return }
            (bad, good, cooling, warming, untilReset) = (
                counts[0], counts[1], counts[2], counts[3], counts[4]
            )
        }
    }
}
