extension SequenceLayout {
    /// Whether some segment continues another.
    public var hasSharedSegments: Bool { segments.contains { $0.parent != nil } }

    /// Whether some tokens are of several sequences: a segment that goes on with another one's positions
    /// has its tokens before its own. One that begins anew only sees them.
    public var hasSharedTokens: Bool {
        segments.contains { $0.parent != nil && $0.firstPosition > 0 }
    }

    /// How many sequences each token belongs to, shape `[count]`; nil where every one belongs to one alone.
    ///
    /// A sequence ends where no segment continues it.
    public var copies: [Int]? {
        var ends = [Int](repeating: 0, count: segments.count)
        for (index, segment) in segments.enumerated().reversed() {
            ends[index] = max(ends[index], 1)
            if let parent = segment.parent { ends[parent] += ends[index] }
        }
        guard ends.contains(where: { $0 > 1 }) else { return nil }
        return zip(segments, ends).flatMap { Array(repeating: $1, count: $0.length) }
    }

    /// The segment and those above it, the root first.
    public func path(to index: Int) -> [Int] {
        var result = [index]
        while let parent = segments[result[result.count - 1]].parent { result.append(parent) }
        return result.reversed()
    }

    /// The run's indices of a sequence from its root to the segment's last token, in their order;
    /// neighbours are joined, so a chain of segments that lie together is one range.
    public func ranges(to index: Int) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for segment in path(to: index) {
            let range = segments[segment].range
            if range.isEmpty { continue }
            if let last = result.last, last.upperBound == range.lowerBound {
                result[result.count - 1] = last.lowerBound..<range.upperBound
            } else {
                result.append(range)
            }
        }
        return result
    }

    /// The segments that none continues: in each of them a sequence ends, and no other one goes on.
    public var leaves: [Int] {
        var isLeaf = [Bool](repeating: true, count: segments.count)
        for segment in segments { if let parent = segment.parent { isLeaf[parent] = false } }
        return segments.indices.filter { isLeaf[$0] }
    }

    /// The layout of some segments, one after another in their order; positions stay what they are.
    ///
    /// - Precondition: The indices rise, and a segment's parent is among them.
    package func taking(_ indices: [Int]) -> SequenceLayout {
        let places = Dictionary(uniqueKeysWithValues: zip(indices, indices.indices))
        var start = 0
        let taken = indices.map { index in
            let segment = segments[index]
            let parent = segment.parent.map { places[$0] }
            precondition(
                parent.map { ($0 ?? .max) < (places[index] ?? 0) } ?? true,
                "taking: segment \(index) without the one that it continues")
            defer { start += segment.length }
            return Segment(
                start: start, length: segment.length, firstPosition: segment.firstPosition,
                parent: parent ?? nil)
        }
        return SequenceLayout(laid: taken, count: start)
    }

    /// Number of tokens of all sequences, each by itself: a shared segment counts once for every
    /// sequence that ends below it. A sequence ends in each segment that none continues.
    public var unsharedCount: Int {
        guard hasSharedSegments else { return count }
        // Children come after their parents, so the sums from below are complete in reverse order.
        var sequences = segments.map { _ in 0 }
        for leaf in leaves { sequences[leaf] = 1 }
        var result = 0
        for index in segments.indices.reversed() {
            result += sequences[index] * segments[index].length
            if let parent = segments[index].parent { sequences[parent] += sequences[index] }
        }
        return result
    }
}
