internal import FledgeCore
internal import FledgeData
internal import Synchronization

/// The micro-batches of a rank, step after step, prepared on a thread of their own.
final class BatchPrefetcher<Batch: Sendable> {
    private let batches: Prefetcher<Batch>
    private let plan: TrainingPlan
    private let rank: Int
    private let ranks: Int

    /// Starts to prepare the batches of `steps` that belong to `rank`.
    init(
        _ source: some BatchSource<Batch>, _ plan: TrainingPlan, steps: Range<Int>, rank: Int,
        ranks: Int
    ) {
        (self.plan, self.rank, self.ranks) = (plan, rank, ranks)
        let places = steps.lazy.flatMap { step in
            let (epoch, indices) = plan.batches(ofStep: step)
            return indices.filter { $0 % ranks == rank }.map { (epoch: epoch, index: $0) }
        }
        let iterator = Mutex(places.makeIterator())
        batches = Prefetcher(depth: 4) {
            let place = iterator.withLock { $0.next() }
            return try place.map { try source.batch(epoch: $0.epoch, index: $0.index) }
        }
    }

    /// Number of micro-batches of a step that belong to this rank.
    func count(ofStep step: Int) -> Int {
        plan.batches(ofStep: step).indices.count { $0 % ranks == rank }
    }

    /// The next micro-batch, in order.
    func next() throws -> Batch {
        guard let batch = try batches.next() else {
            throw FledgeError(.interrupted, "The batches were cancelled.")
        }
        return batch
    }

    /// Ends the thread.
    func cancel() { batches.cancel() }
}
