import FledgeCore

/// How several data sets become one.
public enum DatasetMix: String, Hashable, Sendable, CaseIterable {
    /// One after another.
    case concat
    /// In turn, until the first one ends.
    case interleaveUnder = "interleave_under"
    /// In turn, repeating what ends until the last one ends.
    case interleaveOver = "interleave_over"
    /// In turn, each row once.
    case interleaveOnce = "interleave_once"

    /// The order of the rows as (data set, row).
    ///
    /// - Parameters:
    ///   - counts: The number of rows of each data set.
    ///   - probabilities: How often each is drawn; `nil` takes them in turn.
    public func order(
        counts: [Int], probabilities: [Double]? = nil, seed: UInt64
    ) -> [(dataset: Int, row: Int)] {
        precondition(
            probabilities.map { $0.count == counts.count } ?? true,
            "DatasetMix: \(counts.count) data sets, \(probabilities?.count ?? 0) probabilities")
        if self == .concat || counts.count < 2 {
            return counts.enumerated().flatMap { set, count in (0..<count).map { (set, $0) } }
        }
        guard let probabilities else { return inTurn(counts) }
        return drawn(counts, probabilities, seed)
    }

    private func inTurn(_ counts: [Int]) -> [(dataset: Int, row: Int)] {
        // An empty data set cannot be repeated: then there is nothing to interleave with.
        if counts.contains(0), self != .interleaveOnce { return [] }
        let rounds = self == .interleaveUnder ? counts.min() : counts.max()
        return (0..<(rounds ?? 0)).flatMap { row in
            counts.indices.compactMap { set in
                if self == .interleaveOver { return (set, row % counts[set]) }
                return row < counts[set] ? (set, row) : nil
            }
        }
    }

    private func drawn(
        _ counts: [Int], _ probabilities: [Double], _ seed: UInt64
    ) -> [(dataset: Int, row: Int)] {
        var generator = PermutedCongruential(seed: seed)
        var result = [(dataset: Int, row: Int)]()
        var cursors = counts.map { _ in 0 }
        var ended = counts.map { $0 == 0 }
        // An empty data set cannot be repeated, and one that is never drawn never ends.
        let neverEnds = self == .interleaveOver && probabilities.contains { $0 <= 0 }
        if self != .interleaveOnce, counts.contains(0) || neverEnds { return [] }
        while true {
            // NumPy draws a thousand numbers at a time, which changes nothing about their order.
            for set in generator.choice(probabilities, draws: 1000) {
                let isOver =
                    self == .interleaveUnder ? ended.contains(true) : !ended.contains(false)
                if isOver { return result }
                if ended[set], self == .interleaveOnce {
                    // Whoever is never drawn would never end: take the next one that has rows.
                    guard zip(probabilities, ended).contains(where: { $0 > 0 && !$1 }) else {
                        return result + rest(counts, cursors, ended)
                    }
                    continue
                }
                result.append((set, cursors[set]))
                cursors[set] += 1
                if cursors[set] == counts[set] {
                    ended[set] = true
                    cursors[set] = 0
                }
            }
        }
    }

    private func rest(
        _ counts: [Int], _ cursors: [Int], _ ended: [Bool]
    ) -> [(dataset: Int, row: Int)] {
        counts.indices.filter { !ended[$0] }.flatMap { set in
            (cursors[set]..<counts[set]).map { (set, $0) }
        }
    }
}
