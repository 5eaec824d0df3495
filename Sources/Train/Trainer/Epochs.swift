internal import FledgeCore
internal import Synchronization

/// The micro-batches of a data set, epoch after epoch, in an order that follows from the seed alone.
///
/// Shuffled epochs have the order that PyTorch's random sampler gives the reference, so a run can be
/// compared with it sample by sample.
public struct Epochs<Sample: Sendable, Batch: Sendable>: BatchSource {
    /// Number of samples.
    public let sampleCount: Int
    /// Samples of a micro-batch; the last one of an epoch may have fewer.
    public let batchSize: Int
    private let samples: [Sample]
    private let dropsLast: Bool
    private let order: EpochOrder
    private let collate: @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws -> Batch

    /// Creates the batches of a data set.
    ///
    /// - Parameters:
    ///   - seed: The seed of the order; epoch `e` uses `seed + e`.
    ///   - shuffles: False keeps the order of the data.
    ///   - dropsLast: Whether a last batch with fewer samples is left out.
    ///   - collate: Makes a batch of samples and their indices in the data set.
    public init(
        _ samples: [Sample], batchSize: Int, seed: UInt64 = 42, shuffles: Bool = true,
        dropsLast: Bool = false,
        collate: @escaping @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws -> Batch
    ) {
        precondition(batchSize > 0, "Epochs: batch size \(batchSize)")
        (self.samples, self.batchSize, self.dropsLast) = (samples, batchSize, dropsLast)
        (sampleCount, self.collate) = (samples.count, collate)
        order = EpochOrder(count: samples.count, seed: shuffles ? seed : nil)
    }

    /// Number of micro-batches of an epoch.
    public var batchesPerEpoch: Int {
        dropsLast ? sampleCount / batchSize : (sampleCount + batchSize - 1) / batchSize
    }

    /// The micro-batch `index` of an epoch.
    public func batch(epoch: Int, index: Int) throws -> Batch {
        let start = index * batchSize
        let picked = order.indices(ofEpoch: epoch)[start..<min(start + batchSize, sampleCount)]
        return try collate(picked.map { ($0, samples[$0]) }, epoch)
    }
}

/// Remembers the order of the epoch that is under way.
private final class EpochOrder: Sendable {
    private let count: Int
    private let seed: UInt64?
    private let current = Mutex<(epoch: Int, indices: [Int])?>(nil)

    /// Without a seed the order is that of the data.
    init(count: Int, seed: UInt64?) { (self.count, self.seed) = (count, seed) }

    func indices(ofEpoch epoch: Int) -> [Int] {
        current.withLock { current in
            if let current, current.epoch == epoch { return current.indices }
            var indices = Array(0..<count)
            if let seed {
                var generator = MersenneTwister(seed: seed &+ UInt64(epoch))
                indices = generator.torchPermutation(count)
            }
            current = (epoch, indices)
            return indices
        }
    }
}
