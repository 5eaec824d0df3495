internal import FledgeCore

/// How long the rows of a run are, in tokens.
public struct LengthHistogram: Hashable, Sendable {
    /// Rows of some lengths.
    public struct Bin: Hashable, Sendable {
        /// The lengths.
        public var lengths: ClosedRange<Int>
        /// Number of rows.
        public var count: Int
    }

    /// The rows, in bins of equal width.
    public let bins: [Bin]
    /// Length of the longest row.
    public let longest: Int
    /// Length that half of the rows do not exceed.
    public let median: Int

    /// Counts rows.
    public init(_ lengths: [Int], binCount: Int = 8) {
        let sorted = lengths.sorted()
        longest = sorted.last ?? 0
        median = sorted.isEmpty ? 0 : sorted[(sorted.count - 1) / 2]
        let width = max(1, (longest + binCount) / max(binCount, 1))
        var counts = [Int](repeating: 0, count: longest / width + 1)
        for length in sorted { counts[length / width] += 1 }
        bins = counts.enumerated().map {
            Bin(lengths: $0.offset * width...($0.offset + 1) * width - 1, count: $0.element)
        }
    }

    /// A line of each bin.
    public var lines: [String] {
        let most = max(bins.map(\.count).max() ?? 0, 1)
        let width = String(longest).count + 1
        return bins.map { bin in
            let bounds = [bin.lengths.lowerBound, bin.lengths.upperBound].map { bound in
                String(repeating: " ", count: max(width - String(bound).count, 0)) + String(bound)
            }.joined(separator: " –")
            let bar = String(repeating: "█", count: (bin.count * 40 + most - 1) / most)
            return "\(bounds) │\(bar) \(bin.count)"
        }
    }

    var json: JSONValue {
        [
            "longest": .integer(longest), "median": .integer(median),
            "bins": .array(
                bins.map {
                    [
                        "from": .integer($0.lengths.lowerBound),
                        "to": .integer($0.lengths.upperBound), "rows": .integer($0.count),
                    ]
                }),
        ]
    }
}
