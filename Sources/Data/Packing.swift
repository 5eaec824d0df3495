/// Several samples in one row.
public struct PackedRow: Hashable, Sendable {
    /// The samples in their order.
    public var samples: [ProcessedSample]
    /// The samples' places in the data set.
    public var indices: [Int]

    /// Creates a row of samples and their places in the data set.
    public init(samples: [ProcessedSample], indices: [Int]) {
        precondition(samples.count == indices.count, "PackedRow: one index a sample")
        (self.samples, self.indices) = (samples, indices)
    }

    /// The columns of the row when it is filled up, as the reference writes them.
    public struct Columns: Hashable, Sendable {
        /// The tokens.
        public var inputIDs: [Int32]
        /// The labels.
        public var labels: [Int32]
        /// Each token's place in its sample.
        public var positions: [Int32]
        /// 1 for all (plain), or the number of the sample and 0 for padding (neat).
        public var attention: [Int32]
        /// Where samples begin, and the row's end; with padding a segment of its own (neat only).
        public var boundaries: [Int]
    }

    /// The row filled up with padding.
    public func columns(length: Int, padding: Int32, neat: Bool) -> Columns {
        var result = Columns(
            inputIDs: [], labels: [], positions: [], attention: [], boundaries: [0])
        for (index, sample) in samples.enumerated() {
            let count = sample.inputIDs.count
            result.inputIDs += sample.inputIDs
            result.labels += sample.labels
            result.positions += (0..<Int32(count))
            result.attention += repeatElement(neat ? Int32(index + 1) : 1, count: count)
            result.boundaries.append(result.inputIDs.count)
        }
        let missing = max(length - result.inputIDs.count, 0)
        result.inputIDs += repeatElement(padding, count: missing)
        result.labels += repeatElement(ProcessedSample.ignored, count: missing)
        result.positions += repeatElement(0, count: missing)
        result.attention += repeatElement(neat ? 0 : 1, count: missing)
        if missing > 0 { result.boundaries.append(result.inputIDs.count) }
        return result
    }
}

/// Puts samples together into rows of limited length.
public enum Packing {
    /// Lengths in groups: always the largest that still fits.
    public static func knapsacks(_ lengths: [Int], capacity: Int) -> [[Int]] {
        var numbers = lengths.filter { $0 <= capacity }.sorted()
        var result = [[Int]]()
        while !numbers.isEmpty {
            var (group, room) = ([Int](), capacity)
            while let index = lastIndex(in: numbers, atMost: room) {
                room -= numbers[index]
                group.append(numbers.remove(at: index))
            }
            result.append(group)
        }
        return result
    }

    /// The last of sorted numbers that is not larger than a limit.
    private static func lastIndex(in numbers: [Int], atMost limit: Int) -> Int? {
        var (low, high) = (0, numbers.count)
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] <= limit { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    /// Which samples come together, in groups of `batchSize` as the reference's preprocessing forms
    /// them.
    ///
    /// - Parameter capacity: The most tokens of a row; longer samples are left out.
    public static func groups(
        _ lengths: [Int], capacity: Int, batchSize: Int = 1000
    ) -> [[Int]] {
        stride(from: 0, to: lengths.count, by: batchSize).flatMap { start -> [[Int]] in
            let range = start..<min(start + batchSize, lengths.count)
            // Of samples of the same length the last one is taken first.
            var byLength = [Int: [Int]]()
            for index in range { byLength[lengths[index], default: []].append(index) }
            return knapsacks(Array(lengths[range]), capacity: capacity).map { group in
                group.compactMap { byLength[$0]?.popLast() }
            }
        }
    }

    /// Packs samples, see ``groups(_:capacity:batchSize:)``.
    public static func rows(
        _ samples: [ProcessedSample], capacity: Int, batchSize: Int = 1000
    ) -> [PackedRow] {
        groups(samples.map(\.inputIDs.count), capacity: capacity, batchSize: batchSize).map {
            PackedRow(samples: $0.map { samples[$0] }, indices: $0)
        }
    }
}
