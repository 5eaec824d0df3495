internal import FledgeCore

/// Which of some blocks is trained in a step: a pure function of the step.
public struct BlockTurns: Hashable, Sendable {
    /// Which block is next.
    public enum Order: String, Hashable, Sendable {
        case ascending, descending, random, fixed
    }

    /// Which block is next.
    public let order: Order
    /// Steps of a turn; the first is shorter by one, as in the reference.
    public let interval: Int
    /// The block of the first turn; nil for the first in the order.
    public let start: Int?
    /// The seed of a random order.
    public let seed: UInt64

    /// Creates turns.
    public init(
        _ order: Order = .ascending, interval: Int = 50, start: Int? = nil, seed: UInt64 = 42
    ) {
        precondition(interval > 0, "BlockTurns: \(interval) steps")
        (self.order, self.interval, self.start, self.seed) = (order, interval, start, seed)
    }

    /// The turn, counted from 0, and the step within it, counted from 1.
    func turn(at step: Int) -> (turn: Int, step: Int) {
        guard interval > 1 else { return (step - 1, 1) }
        let turn = step / interval
        return (turn, turn == 0 ? step : step - turn * interval + 1)
    }

    /// The block that is trained.
    public func block(at step: Int, of count: Int) -> Int {
        let turn = turn(at: step).turn
        let first = start.map { min($0, count - 1) }
        switch order {
        case .fixed: return first ?? 0
        case .ascending: return ((first ?? 0) + turn) % count
        case .descending: return (((first ?? count - 1) - turn) % count + count) % count
        case .random:
            if turn == 0, let first { return first }
            let (round, place) = (turn - (first == nil ? 0 : 1)).quotientAndRemainder(
                dividingBy: count)
            let key = RandomKey(seed: seed).appending("badam").appending(round)
            var generator = KeyedGenerator(key)
            return (0..<count).shuffled(using: &generator)[place]
        }
    }
}
