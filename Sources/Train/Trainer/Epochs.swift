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
    private let merging: Merging?
    private let order: EpochOrder
    private let collate:
        @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws -> Batch

    /// How micro-batches of one optimizer step are put together.
    public struct Merging: Sendable {
        /// The most tokens of a batch that is put together.
        public var limit: Int
        /// Number of tokens of a sample.
        public var length: @Sendable (Sample) -> Int

        /// Creates a rule.
        public init(limit: Int, length: @escaping @Sendable (Sample) -> Int) {
            (self.limit, self.length) = (limit, length)
        }

        /// Puts micro-batches of an optimizer step together while they are small.
        func groups<Element>(
            _ batches: [[Element]], sample: (Element) -> Sample
        ) -> [[Element]] {
            var groups: [(elements: [Element], tokens: Int)] = []
            for batch in batches {
                let tokens = batch.reduce(0) { $0 + length(sample($1)) }
                if let last = groups.last, last.tokens + tokens <= limit {
                    groups[groups.count - 1].elements += batch
                    groups[groups.count - 1].tokens += tokens
                } else {
                    groups.append((batch, tokens))
                }
            }
            return groups.map(\.elements)
        }
    }

    /// Creates the batches of a data set.
    ///
    /// - Parameters:
    ///   - seed: The seed of the order; epoch `e` uses `seed + e`.
    ///   - shuffles: False keeps the order of the data.
    ///   - dropsLast: Whether a last batch with fewer samples is left out.
    ///   - merging: How small micro-batches of one optimizer step become one; nil leaves them apart.
    ///   - collate: Makes a batch of samples and their indices in the data set.
    public init(
        _ samples: [Sample], batchSize: Int, seed: UInt64 = 42, shuffles: Bool = true,
        dropsLast: Bool = false, merging: Merging? = nil,
        collate:
            @escaping @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws ->
            Batch
    ) {
        precondition(batchSize > 0, "Epochs: batch size \(batchSize)")
        (self.samples, self.batchSize, self.dropsLast) = (samples, batchSize, dropsLast)
        (sampleCount, self.merging, self.collate) = (samples.count, merging, collate)
        order = EpochOrder(
            TrainingOrder(count: samples.count, seed: seed, shuffling: shuffles))
    }

    /// Number of micro-batches of an epoch.
    public var batchesPerEpoch: Int {
        dropsLast ? sampleCount / batchSize : (sampleCount + batchSize - 1) / batchSize
    }

    /// Number of samples of a micro-batch.
    public func sampleCount(ofBatch index: Int) -> Int {
        min(batchSize, sampleCount - index * batchSize)
    }

    /// The micro-batch `index` of an epoch.
    public func batch(epoch: Int, index: Int) throws -> Batch {
        try collate(picked(epoch: epoch, index: index).map { ($0, samples[$0]) }, epoch)
    }

    /// The micro-batches of one optimizer step, neighbours put together while they are small.
    public func batches(epoch: Int, indices: [Int]) throws -> [Batch] {
        try groups(epoch: epoch, indices: indices).map {
            try collate($0.map { ($0, samples[$0]) }, epoch)
        }
    }

    /// The samples of each batch of ``batches(epoch:indices:)``, as their indices in the data set.
    public func groups(epoch: Int, indices: [Int]) -> [[Int]] {
        let picked = indices.map { Array(self.picked(epoch: epoch, index: $0)) }
        return merging?.groups(picked) { samples[$0] } ?? picked
    }

    private func picked(epoch: Int, index: Int) -> ArraySlice<Int> {
        let start = index * batchSize
        return order.indices(ofEpoch: epoch)[start..<min(start + batchSize, sampleCount)]
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
    ///
    /// - Parameters:
    ///   - limit: The most tokens that small micro-batches of an optimizer step are put
    ///     together to; nil leaves them apart.
    ///   - sharesPrefixes: Whether what samples of a batch begin with is computed once; not for
    ///     models with dropout.
    public init(
        _ samples: [ProcessedSample], batchSize: Int, seed: UInt64 = 42, shuffles: Bool = true,
        dropsLast: Bool = false, mergingUpTo limit: Int? = nil, sharesPrefixes: Bool = false
    ) {
        self.init(
            samples, batchSize: batchSize, seed: seed, shuffles: shuffles, dropsLast: dropsLast,
            merging: limit.map { Merging(limit: $0) { $0.inputIDs.count } }
        ) { picked, epoch in
            SupervisedCollator(sharesPrefixes: sharesPrefixes).batch(
                picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
        }
    }
}
