/// The part of the tokens at which the policy is least sure, which are those that decide how an answer
/// goes on (Wang et al. 2025).
public struct HighEntropyTokens: Hashable, Sendable {
    /// The part of all tokens that is kept, 0 to 1.
    public var share: Double

    /// Creates a choice.
    ///
    /// - Precondition: `share` is from 0 to 1.
    public init(share: Double) {
        precondition((0...1).contains(share), "HighEntropyTokens: a share of \(share)")
        self.share = share
    }

    /// Whether each token is kept: where its entropy is at least the quantile 1 − share of all entropies,
    /// which lies between two of them by linear interpolation.
    ///
    /// - Parameter entropies: In nats, of each token of each answer.
    public func callAsFunction(_ entropies: [[Double]]) -> [[Bool]] {
        let sorted = entropies.flatMap(\.self).sorted()
        guard let last = sorted.indices.last else { return entropies.map { $0.map { _ in false } } }
        let place = (1 - share) * Double(last)
        let below = min(Int(place), last)
        let above = min(below + 1, last)
        let threshold =
            sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
        return entropies.map { $0.map { $0 >= threshold } }
    }
}
