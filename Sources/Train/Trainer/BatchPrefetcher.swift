internal import FledgeCore
internal import Foundation

/// Prepares the next micro-batches on a thread of its own, so that preparing data costs no time.
///
/// A bounded queue of `Sendable` batches is all that crosses threads. An error of the source arrives
/// where its batch would have.
final class BatchPrefetcher<Batch: Sendable> {
    private let queue: BoundedQueue<Result<Batch, any Error>>
    private let plan: TrainingPlan
    private let rank: Int
    private let ranks: Int

    /// Starts to prepare the batches of `steps` that belong to `rank`.
    init(
        _ source: some BatchSource<Batch>, _ plan: TrainingPlan, steps: Range<Int>, rank: Int,
        ranks: Int, depth: Int = 4
    ) {
        (self.plan, self.rank, self.ranks) = (plan, rank, ranks)
        let queue = BoundedQueue<Result<Batch, any Error>>(capacity: depth)
        self.queue = queue
        let thread = Thread {
            for step in steps {
                let (epoch, indices) = plan.batches(ofStep: step)
                for index in indices where index % ranks == rank {
                    let result = Result { try source.batch(epoch: epoch, index: index) }
                    guard queue.push(result) else { return }
                    if case .failure = result { return }
                }
            }
        }
        thread.name = "fledge-prefetch"
        thread.start()
    }

    /// Number of micro-batches of a step that belong to this rank.
    func count(ofStep step: Int) -> Int {
        plan.batches(ofStep: step).indices.count { $0 % ranks == rank }
    }

    /// The next micro-batch, in order.
    func next() throws -> Batch { try queue.pop().get() }

    /// Ends the thread.
    func cancel() { queue.close() }
}

/// A first-in, first-out queue between two threads that holds a limited number of items.
private final class BoundedQueue<Item: Sendable>: @unchecked Sendable {
    // `@unchecked`: every access to the mutable state is under the condition's lock.
    private let condition = NSCondition()
    private var items: [Item] = []
    private let capacity: Int
    private var isClosed = false

    init(capacity: Int) { self.capacity = capacity }

    /// Waits for room; returns false when the queue was closed.
    func push(_ item: Item) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while items.count >= capacity, !isClosed { condition.wait() }
        guard !isClosed else { return false }
        items.append(item)
        condition.broadcast()
        return true
    }

    /// Waits for an item.
    func pop() -> Item {
        condition.lock()
        defer { condition.unlock() }
        while items.isEmpty { condition.wait() }
        condition.broadcast()
        return items.removeFirst()
    }

    func close() {
        condition.lock()
        isClosed = true
        items = []
        condition.broadcast()
        condition.unlock()
    }
}
