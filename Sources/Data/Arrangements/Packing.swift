/// Puts samples together into rows of limited length, in groups of samples as the reference's
/// preprocessing forms them.
public struct Packing: SampleJoining {
    private let capacity: Int
    private let batchSize: Int

    /// Creates a way to pack.
    ///
    /// - Parameters:
    ///   - capacity: The most tokens of a row; longer samples are left out.
    ///   - batchSize: Samples that are packed together at a time.
    public init(capacity: Int, batchSize: Int = 1000) {
        (self.capacity, self.batchSize) = (capacity, batchSize)
    }

    /// The samples of all rows.
    public func table(of counts: [Int32], threads: Int) -> PackTable {
        let kept = counts.indices.filter { counts[$0] >= 0 }.map { Int32($0) }
        let lengths = kept.map { Int(counts[Int($0)]) }
        return PackTable(
            Self.flatGroups(
                lengths, capacity: capacity, batchSize: batchSize, threads: threads),
            kept: kept, counts: counts)
    }

    /// A row of whole samples.
    public func sample(_ index: Int, of parts: [SamplePart]) -> PackedRow {
        PackedRow(samples: parts.map(\.sample), indices: parts.map(\.row))
    }

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
    private static func flatGroups(
        _ lengths: [Int], capacity: Int, batchSize: Int, threads: Int
    ) -> (members: [Int32], starts: [Int]) {
        let batches = stride(from: 0, to: lengths.count, by: batchSize).map {
            $0..<min($0 + batchSize, lengths.count)
        }
        let parts = concurrentMap(batches, threads: threads, chunkSize: 16) {
            groups(of: $0, lengths, capacity)
        }
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
}

/// Which samples of which rows come together.
public struct PackTable: PartTable {
    private let counts: [Int32]
    /// The rows of all groups, one after another, as their places among those that are kept.
    private let members: [Int32]
    private let starts: [Int]
    private let kept: [Int32]

    fileprivate init(
        _ groups: (members: [Int32], starts: [Int]), kept: [Int32], counts: [Int32]
    ) {
        (members, starts) = groups
        (self.kept, self.counts) = (kept, counts)
    }

    /// Number of packed rows.
    public var count: Int { starts.count - 1 }

    /// The samples of a packed row, each as a whole.
    public func parts(of index: Int) -> [(row: Int, tokens: Range<Int>)] {
        members[starts[index]..<starts[index + 1]].map {
            let row = Int(kept[Int($0)])
            return (row, 0..<Int(counts[row]))
        }
    }
}
