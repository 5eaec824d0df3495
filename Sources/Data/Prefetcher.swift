internal import FledgeCore
import Foundation

/// Makes elements on a thread of its own, a few ahead of whoever takes them.
///
/// The order is that of the producer. An error ends the sequence and is thrown where it would have
/// been taken. Letting go of the prefetcher stops the thread after the element it is at. Where the
/// system gives no thread, elements are made when they are taken.
public final class Prefetcher<Element: Sendable>: Sendable {
    /// What both threads share; the producer's thread keeps this alive, not the prefetcher.
    private final class Queue: @unchecked Sendable {
        let condition = NSCondition()
        var elements: [Element] = []
        var outcome: Result<Void, any Error>?
        var isCancelled = false
    }

    private let queue = Queue()
    /// Makes elements where there is no thread that does.
    private let produceHere: (@Sendable () throws -> Element?)?

    /// Starts producing.
    ///
    /// - Parameters:
    ///   - depth: The most elements that wait to be taken.
    ///   - produce: Gives the next element, and `nil` at the end.
    public convenience init(
        depth: Int = 2, _ produce: @escaping @Sendable () throws -> Element?
    ) {
        self.init(depth: depth, stackSize: 8 << 20, produce)
    }

    /// Starts producing on a thread with a stack of that size.
    package init(
        depth: Int, stackSize: Int, _ produce: @escaping @Sendable () throws -> Element?
    ) {
        precondition(depth > 0, "Prefetcher: depth \(depth)")
        let queue = queue
        let isStarted = DetachedThread.start(stackSize: stackSize) {
            let outcome = Result {
                while let element = try produce() {
                    queue.condition.lock()
                    while queue.elements.count >= depth, !queue.isCancelled {
                        queue.condition.wait()
                    }
                    let isCancelled = queue.isCancelled
                    if !isCancelled { queue.elements.append(element) }
                    queue.condition.broadcast()
                    queue.condition.unlock()
                    if isCancelled { return }
                }
            }
            queue.condition.lock()
            queue.outcome = outcome
            queue.condition.broadcast()
            queue.condition.unlock()
        }
        produceHere = isStarted ? nil : produce
    }

    deinit { cancel() }

    /// The next element, waiting for it if need be; `nil` at the end.
    public func next() throws -> Element? {
        queue.condition.lock()
        defer { queue.condition.unlock() }
        while queue.elements.isEmpty {
            if let outcome = queue.outcome {
                try outcome.get()
                return nil
            }
            if queue.isCancelled { return nil }
            if let produceHere {
                do {
                    if let element = try produceHere() { return element }
                    queue.outcome = .success(())
                } catch { queue.outcome = .failure(error) }
                continue
            }
            queue.condition.wait()
        }
        let element = queue.elements.removeFirst()
        queue.condition.broadcast()
        return element
    }

    /// Stops producing; what waits is thrown away.
    public func cancel() {
        queue.condition.lock()
        queue.isCancelled = true
        queue.elements = []
        queue.condition.broadcast()
        queue.condition.unlock()
    }
}
