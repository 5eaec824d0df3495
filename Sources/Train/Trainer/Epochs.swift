public import FledgeCore
public import FledgeData
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
    private let collate:
        @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws -> Batch

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
        collate:
            @escaping @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws ->
            Batch
    ) {
        precondition(batchSize > 0, "Epochs: batch size \(batchSize)")
        (self.samples, self.batchSize, self.dropsLast) = (samples, batchSize, dropsLast)
        (sampleCount, self.collate) = (samples.count, collate)
        order = EpochOrder(
            TrainingOrder(count: samples.count, seed: seed, shuffling: shuffles))
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
    private let order: TrainingOrder
    private let current = Mutex<(epoch: Int, indices: [Int])?>(nil)

    init(_ order: TrainingOrder) { self.order = order }

    func indices(ofEpoch epoch: Int) -> [Int] {
        current.withLock { current in
            if let current, current.epoch == epoch { return current.indices }
            let indices = order.indices(epoch: epoch)
            current = (epoch, indices)
            return indices
        }
    }
}

extension Epochs where Sample == ProcessedSample, Batch == TokenBatch {
    /// Creates the batches of samples for supervised fine-tuning.
    public init(
        _ samples: [ProcessedSample], batchSize: Int, seed: UInt64 = 42, shuffles: Bool = true,
        dropsLast: Bool = false
    ) {
        self.init(
            samples, batchSize: batchSize, seed: seed, shuffles: shuffles, dropsLast: dropsLast
        ) { picked, epoch in
            SupervisedCollator().batch(
                picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
        }
    }
}
