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
        groups(lengths, capacity: capacity, batchSize: max(lengths.count, 1)).map { group in
            group.map { lengths[$0] }
        }
    }

    /// Which samples come together, in groups of `batchSize` as the reference's preprocessing forms
    /// them.
    ///
    /// - Parameter capacity: The most tokens of a row; longer samples are left out.
    public static func groups(
        _ lengths: [Int], capacity: Int, batchSize: Int = 1000
    ) -> [[Int]] {
        let flat = flatGroups(lengths, capacity: capacity, batchSize: batchSize, threads: 1)
        return zip(flat.starts, flat.starts.dropFirst()).map { start, end in
            flat.members[start..<end].map { Int($0) }
        }
    }

    /// The groups one after another, and where each begins.
    static func flatGroups(
        _ lengths: [Int], capacity: Int, batchSize: Int, threads: Int
    ) -> (members: [Int32], starts: [Int]) {
        let batches = stride(from: 0, to: lengths.count, by: batchSize).map {
            $0..<min($0 + batchSize, lengths.count)
        }
        let parts =
            (try? concurrentMap(batches, threads: threads, chunkSize: 16) {
                groups(of: $0, lengths, capacity)
            }) ?? []
        var (members, starts) = ([Int32](), [0])
        members.reserveCapacity(lengths.count)
        for part in parts {
            let before = members.count
            members += part.members
            starts += part.ends.lazy.map { before + $0 }
        }
        return (members, starts)
    }

    /// The groups of one batch; of samples of the same length the last one is taken first.
    private static func groups(
        of range: Range<Int>, _ lengths: [Int], _ capacity: Int
    ) -> (members: [Int32], ends: [Int]) {
        // A length and a place in one number, in which lengths have 31 bits.
        let capacity = min(capacity, Int(Int32.max) - 1)
        var left = range.filter { lengths[$0] <= capacity }.map { lengths[$0] << 32 | $0 }
        left.sort()
        var (members, ends) = ([Int32](), [Int]())
        members.reserveCapacity(left.count)
        while !left.isEmpty {
            var room = capacity
            while let index = lastIndex(in: left, below: (room + 1) << 32) {
                let picked = left.remove(at: index)
                room -= picked >> 32
                members.append(Int32(truncatingIfNeeded: picked))
            }
            ends.append(members.count)
        }
        return (members, ends)
    }

    /// The last of sorted numbers that is smaller than a limit.
    private static func lastIndex(in numbers: [Int], below limit: Int) -> Int? {
        var (low, high) = (0, numbers.count)
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] < limit { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
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
