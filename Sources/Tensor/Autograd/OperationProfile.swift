internal import FledgeCore
import Synchronization

/// Where the time of what runs inside ``measure(_:)`` goes, by operation and direction.
///
/// Forward time of an operation is what passed since the one before it ended, so that nothing falls
/// between: what a layer does around its operations counts for the next one.
///
/// ```swift
/// let profile = OperationProfile()
/// profile.measure { try trainer.fit(batches, steps: 3) }
/// print(profile.entries)
/// ```
public final class OperationProfile: Sendable {
    /// The sums of one operation in one direction.
    public struct Entry: Hashable, Sendable {
        /// The operation's name, such as `LinearProduct`.
        public let operation: String
        /// Whether this is its backward pass.
        public let isBackward: Bool
        /// How often it ran.
        public var calls = 0
        /// How long all calls took.
        public var seconds = 0.0
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var products = Products()
        var mark = ContinuousClock.now
    }

    /// What all matrix products had to do, and how long they took.
    public struct Products: Hashable, Sendable {
        /// Multiplications and additions.
        public var operations = 0.0
        /// How long all products took.
        public var seconds = 0.0
    }

    @TaskLocal static var current: OperationProfile?
    private let state = Mutex(State())

    /// Creates an empty profile.
    public init() {}

    /// Runs `body` and adds what it computes on this thread.
    public func measure<R>(_ body: () throws -> R) rethrows -> R {
        restart()
        return try Self.$current.withValue(self, operation: body)
    }

    /// The sums so far, the longest first.
    public var entries: [Entry] {
        state.withLock { $0.entries.values.sorted { $0.seconds > $1.seconds } }
    }

    /// All matrix products together, those inside of the operations.
    public var products: Products { state.withLock { $0.products } }

    /// Forgets the sums so far.
    public func reset() { state.withLock { $0 = State() } }

    /// Counts what passed since the last call for a part of a step that is no operation.
    package static func lap(_ part: String) { current?.lap(part) }

    /// Lets what passed until now count for no operation.
    private func restart() { state.withLock { $0.mark = .now } }

    /// Counts what passed since the last call for an operation.
    func lap(_ operation: String, isBackward: Bool = false) {
        state.withLock { state in
            let now = ContinuousClock.now
            var entry =
                state.entries[operation + (isBackward ? "'" : "")]
                ?? Entry(operation: operation, isBackward: isBackward)
            entry.calls += 1
            entry.seconds += (now - state.mark).inSeconds
            state.entries[operation + (isBackward ? "'" : "")] = entry
            state.mark = now
        }
    }

    /// Runs a product of the given number of multiplications and additions.
    static func measureProduct(_ operations: Double, _ body: () -> Void) {
        guard let current else { return body() }
        let start = ContinuousClock.now
        body()
        let seconds = (ContinuousClock.now - start).inSeconds
        current.state.withLock { state in
            state.products.operations += operations
            state.products.seconds += seconds
        }
    }
}
