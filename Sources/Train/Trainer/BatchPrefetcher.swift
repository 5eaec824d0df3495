internal import FledgeCore
internal import FledgeData
internal import Logging
internal import Synchronization

/// The micro-batches of a rank, step after step, prepared on a thread of their own.
final class BatchPrefetcher<Batch: Sendable> {
    private let steps: Prefetcher<[Batch]>

    /// Starts to prepare the batches of `steps` that belong to `rank`.
    init(
        _ source: some BatchSource<Batch>, _ plan: TrainingPlan, steps: Range<Int>, rank: Int,
        ranks: Int
    ) {
        let iterator = Mutex(steps.makeIterator())
        self.steps = Prefetcher(depth: 2) {
            guard let step = iterator.withLock({ $0.next() }) else { return nil }
            let (epoch, indices) = plan.batches(ofStep: step)
            let watch = Stopwatch()
            let batches = try source.batches(
                epoch: epoch, indices: indices.filter { $0 % ranks == rank })
            Logger.fledgeTrain.trace(
                "batches prepared",
                metadata: [
                    "step": "\(step)", "epoch": "\(epoch)", "batches": "\(batches.count)",
                    "seconds": "\(watch.seconds)",
                ])
            return batches
        }
    }

    /// The micro-batches of the next step, in order.
    func next() throws -> [Batch] {
        guard let batches = try steps.next() else {
            throw FledgeError(.interrupted, "The batches were cancelled.")
        }
        return batches
    }

    /// Ends the thread.
    func cancel() { steps.cancel() }
}
