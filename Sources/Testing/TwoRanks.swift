public import FledgeTrain
internal import Foundation

/// Two ranks of one run as two threads of one process, to show that one rank equals two.
public final class TwoRanks: @unchecked Sendable {
    // `@unchecked`: every access to the mutable state is under the condition's lock.
    private let condition = NSCondition()
    private var arrived = 0
    private var round = 0
    private var contributions: [Int: [Double]] = [:]
    private var total: [Double] = []

    /// Creates the place where both ranks meet.
    public init() {}

    /// The communicator of rank 0 or 1.
    public func communicator(rank: Int) -> any Communicator { Rank(rank: rank, meeting: self) }

    /// Runs `body` as rank 0 and rank 1 at the same time and returns both results.
    public static func run<Result: Sendable>(
        _ body: @escaping @Sendable (any Communicator) throws -> Result
    ) throws -> [Result] {
        let meeting = TwoRanks()
        let results = Results<Result>()
        let threads = DispatchGroup()
        for rank in 0..<2 {
            threads.enter()
            let thread = Thread {
                results.set(Swift.Result { try body(meeting.communicator(rank: rank)) }, at: rank)
                threads.leave()
            }
            thread.stackSize = 8 << 20
            thread.start()
        }
        threads.wait()
        return try results.all()
    }

    /// Adds the values of both ranks, rank 0 first, and gives both the sum.
    fileprivate func sum(_ values: [Double], rank: Int) -> [Double] {
        condition.lock()
        defer { condition.unlock() }
        contributions[rank] = values
        arrived += 1
        let mine = round
        if arrived == 2 {
            let (first, second) = (contributions[0] ?? [], contributions[1] ?? [])
            precondition(first.count == second.count, "TwoRanks: ranks call in different order")
            total = zip(first, second).map { $0 + $1 }
            (arrived, contributions) = (0, [:])
            round += 1
            condition.broadcast()
        } else {
            while round == mine { condition.wait() }
        }
        return total
    }

    private final class Results<Result: Sendable>: @unchecked Sendable {
        private let lock = NSLock()
        private var results: [Int: Swift.Result<Result, any Error>] = [:]

        func set(_ result: Swift.Result<Result, any Error>, at rank: Int) {
            lock.withLock { results[rank] = result }
        }

        func all() throws -> [Result] {
            try lock.withLock { try results.sorted { $0.key < $1.key }.map { try $0.value.get() } }
        }
    }
}

private struct Rank: Communicator {
    let rank: Int
    let meeting: TwoRanks
    var count: Int { 2 }

    func sum(_ values: UnsafeMutableBufferPointer<Float>) {
        let total = meeting.sum(values.map(Double.init), rank: rank)
        for index in values.indices { values[index] = Float(total[index]) }
    }

    func sum(_ values: inout [Double]) { values = meeting.sum(values, rank: rank) }

    func broadcast(_ values: UnsafeMutableBufferPointer<Float>, from root: Int) {
        let mine = rank == root ? values.map(Double.init) : Array(repeating: 0, count: values.count)
        let total = meeting.sum(mine, rank: rank)
        for index in values.indices { values[index] = Float(total[index]) }
    }

    func barrier() { _ = meeting.sum([], rank: rank) }
}
