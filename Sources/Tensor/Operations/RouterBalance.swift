/// How evenly the routers of a pass spread tokens over experts, for the loss that keeps them balanced
/// (Fedus et al. 2022): `experts · Σ f·p` over the experts, f being how often one is picked and p its mean
/// probability, per token and layer of all layers that have routers.
///
/// Routers are counted until ``close(scale:)``. From then on the backward pass of each adds the gradient of
/// the loss to its scores, also where a layer is computed again, which counts no second time.
public final class RouterBalance {
    private var rows = 0.0
    private var picks: [Double] = []
    private var probabilities: [Double] = []
    /// The derivative of the scaled loss by the probability that one row has of each expert; nil before it
    /// is known.
    private(set) var slopes: [Double]?

    /// Creates the balance of a pass that is to come.
    public init() {}

    /// Counts what a router gave.
    ///
    /// - Parameters:
    ///   - experts: Those that were picked, `[rows, count]`.
    ///   - all: Those of all experts, `[rows, experts]`.
    ///   - copies: How many sequences each row belongs to; nil for one each.
    func count(experts: [Int32], probabilities all: [Double], rows count: Int, copies: [Int]?) {
        guard slopes == nil, count > 0 else { return }
        let (width, used) = (all.count / count, experts.count / count)
        if picks.isEmpty {
            (picks, probabilities) = (
                [Double](repeating: 0, count: width), [Double](repeating: 0, count: width)
            )
        }
        precondition(
            picks.count == width, "RouterBalance: layers of \(picks.count) and \(width) experts")
        for row in 0..<count {
            let weight = Double(copies?[row] ?? 1)
            rows += weight
            for expert in experts[row * used..<(row + 1) * used] { picks[Int(expert)] += weight }
            for expert in 0..<width { probabilities[expert] += weight * all[row * width + expert] }
        }
    }

    /// Ends the counting.
    ///
    /// - Parameter scale: What the loss is multiplied by where it is added to another.
    /// - Returns: The loss, not multiplied; 0 where no router was counted.
    public func close(scale: Double) -> Double {
        guard rows > 0 else {
            slopes = []
            return 0
        }
        let experts = Double(picks.count)
        slopes = picks.map { scale * experts * $0 / (rows * rows) }
        return experts * zip(picks, probabilities).reduce(0) { $0 + $1.0 * $1.1 } / (rows * rows)
    }
}
