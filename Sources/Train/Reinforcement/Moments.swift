internal import FledgeCore

/// Mean and deviation of some numbers.
struct Moments {
    let count: Int
    let mean: Double
    /// Σ(x − mean)².
    let squares: Double

    init(of values: some Collection<Double>) {
        count = values.count
        let mean = values.reduce(0, +) / Double(max(values.count, 1))
        self.mean = mean
        squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }

    /// Divided by one less than there are numbers; zero of one.
    var variance: Double { count > 1 ? squares / Double(count - 1) : 0 }
    /// Its root.
    var deviation: Double { variance.squareRoot() }
}

/// Brings the numbers of all answers to a deviation of 1.
struct Whitening {
    private let mean: Double
    private let factor: Double

    init(of values: [[Double]]) {
        let moments = Moments(of: values.flatMap(\.self))
        mean = moments.mean
        factor = 1 / (moments.variance + 1e-8).squareRoot()
    }

    func apply(to values: inout [[Double]], keepsMean: Bool) {
        for row in values.indices {
            for t in values[row].indices {
                values[row][t] = whitened(values[row][t], keepsMean: keepsMean)
            }
        }
    }

    func whitened(_ value: Double, keepsMean: Bool) -> Double {
        (value - mean) * factor + (keepsMean ? mean : 0)
    }
}

/// Brings scores to mean 0 and deviation 1 by what was seen so far (`ppo_score_norm`).
///
/// Batches are merged as Chan et al. 1979 do.
public struct ScoreNormalizer: Hashable, Sendable, Codable {
    /// Number of scores seen.
    public private(set) var count = 0.0
    /// Their mean.
    public private(set) var mean = 0.0
    /// Σ(x − mean)².
    private var squares = 0.0

    /// Creates a normaliser that has seen nothing.
    public init() {}

    /// Takes up what ``json`` gave.
    init(json: JSONValue) {
        count = json["count"]?.doubleValue ?? 0
        mean = json["mean"]?.doubleValue ?? 0
        squares = json["squares"]?.doubleValue ?? 0
    }

    /// What was seen so far.
    var json: JSONValue {
        ["count": .number(count), "mean": .number(mean), "squares": .number(squares)]
    }

    /// The deviation of what was seen, unbiased; 1 while that is undefined.
    public var deviation: Double { count > 1 ? (squares / (count - 1)).squareRoot() : 1 }

    /// Takes scores in, and gives them as distances from the mean.
    public mutating func callAsFunction(_ scores: [Double]) -> [Double] {
        let new = Moments(of: scores)
        let total = count + Double(new.count)
        if total > 0 {
            let distance = new.mean - mean
            squares += new.squares + distance * distance * count * Double(new.count) / total
            mean += distance * Double(new.count) / total
            count = total
        }
        return scores.map { ($0 - mean) / (deviation + Double(Float.ulpOfOne)) }
    }
}
