import FledgeCore

/// The order in which samples are trained on: PyTorch's permutation, a new one each epoch.
public struct TrainingOrder: Hashable, Sendable {
    /// Number of samples.
    public let count: Int
    /// The seed of the first epoch.
    public let seed: UInt64
    /// Whether the samples are shuffled.
    public let shuffles: Bool

    /// Creates the orders of a run.
    public init(count: Int, seed: UInt64, shuffling: Bool = true) {
        (self.count, self.seed, shuffles) = (count, seed, shuffling)
    }

    /// The samples of an epoch, counted from 0.
    public func indices(epoch: Int) -> [Int] {
        guard shuffles else { return Array(0..<count) }
        var generator = MersenneTwister(seed: seed &+ UInt64(epoch))
        return generator.torchPermutation(count)
    }

    /// The samples of an epoch in slices; the last one may be shorter.
    public func batches(epoch: Int, size: Int, droppingLast: Bool = false) -> [[Int]] {
        precondition(size > 0, "TrainingOrder: batches of \(size)")
        let order = indices(epoch: epoch)
        let slices = stride(from: 0, to: count, by: size).map {
            Array(order[$0..<min($0 + size, count)])
        }
        return droppingLast ? slices.filter { $0.count == size } : slices
    }
}
