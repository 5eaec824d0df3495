/// Sequences laid out so that what several of them begin with is there once.
public struct PrefixForest: Hashable, Sendable {
    /// The tokens of all segments, one after another.
    public let ids: [Int32]
    /// How the tokens divide, and which segments continue which.
    public let layout: SequenceLayout
    /// For each sequence the segment that it ends in, which is its own; empty where it ends with
    /// what it shares.
    public let leaves: [Int]
    /// For each segment the first of the sequences that go through it.
    public let owners: [Int]

    /// The least that is worth a segment: the work that it saves is larger than that of the seam.
    public static let defaultMinimumLength = 8

    /// Finds the longest common prefixes of sequences, and those of the rests again.
    ///
    /// Where nothing is shared the layout is that of the sequences one after another.
    ///
    /// - Parameter minimumLength: Fewer common tokens than this are not shared; at least 1.
    public init(_ sequences: [[Int32]], minimumLength: Int = defaultMinimumLength) {
        precondition(minimumLength > 0, "PrefixForest: minimum length \(minimumLength)")
        let order = sequences.indices.sorted { left, right in
            let (a, b) = (sequences[left], sequences[right])
            return a.lexicographicallyPrecedes(b) || (a == b && left < right)
        }
        // In this order a group's common prefix is the least that its neighbours have in common.
        let common = zip(order, order.dropFirst()).map { left, right in
            zip(sequences[left], sequences[right]).prefix { $0 == $1 }.count
        }
        var builder = Builder(leaves: [Int](repeating: 0, count: sequences.count))
        struct Group {
            var range: Range<Int>
            var depth: Int
            var parent: Int?
        }
        /// The parts whose members have at least `depth` tokens in common, as the data has them.
        func parts(_ range: Range<Int>, atLeast depth: Int) -> [Range<Int>] {
            var result: [Range<Int>] = []
            var start = range.lowerBound
            for index in range where index + 1 == range.upperBound || common[index] < depth {
                result.append(start..<(index + 1))
                start = index + 1
            }
            return result.sorted { (order[$0].min() ?? 0) < (order[$1].min() ?? 0) }
        }
        // Groups wait on a stack, since prefixes may nest deeply.
        var stack = parts(order.indices, atLeast: minimumLength).reversed().map {
            Group(range: $0, depth: 0, parent: nil)
        }
        while let group = stack.popLast() {
            let first = order[group.range].min() ?? 0
            if group.range.count == 1 {
                builder.leaves[first] = builder.append(
                    sequences[first][group.depth...], parent: group.parent, owner: first)
                continue
            }
            let shared = common[group.range.dropLast()].min() ?? 0
            let node = builder.append(
                sequences[first][group.depth..<shared], parent: group.parent, owner: first)
            for part in parts(group.range, atLeast: shared + minimumLength).reversed() {
                stack.append(Group(range: part, depth: shared, parent: node))
            }
        }
        (ids, leaves, owners) = (builder.ids, builder.leaves, builder.owners)
        layout = SequenceLayout(lengths: builder.lengths, parents: builder.parents)
    }

    private struct Builder {
        var ids: [Int32] = []
        var lengths: [Int] = []
        var parents: [Int?] = []
        var owners: [Int] = []
        var leaves: [Int]

        mutating func append(_ part: ArraySlice<Int32>, parent: Int?, owner: Int) -> Int {
            ids += part
            lengths.append(part.count)
            parents.append(parent)
            owners.append(owner)
            return lengths.count - 1
        }
    }
}
