/// How a flat run of tokens divides into sequences that do not see each other.
///
/// A batch is never a padded rectangle: its tokens lie one after another in one run, and this layout
/// says where each sequence begins. Attention, positions and losses work on segments, so padding
/// costs nothing and packed samples cannot leak into each other.
public struct SequenceLayout: Hashable, Sendable {
    /// One sequence inside the run.
    public struct Segment: Hashable, Sendable {
        /// Index of the first token in the run.
        public let start: Int
        /// Number of tokens; may be zero.
        public let length: Int
        /// Position of the first token, for rotary embeddings (not zero after a cached prefix).
        public let firstPosition: Int

        /// Creates a segment.
        public init(start: Int, length: Int, firstPosition: Int = 0) {
            precondition(start >= 0 && length >= 0 && firstPosition >= 0)
            (self.start, self.length, self.firstPosition) = (start, length, firstPosition)
        }

        /// The run's indices that belong to the segment.
        public var range: Range<Int> { start..<(start + length) }
    }

    /// The segments in the order of the run, without gaps.
    public let segments: [Segment]
    /// Number of tokens of the whole run.
    public let count: Int

    /// Lays sequences of the given lengths one after another.
    ///
    /// - Parameter firstPositions: Position of each sequence's first token; zero when left out.
    public init(lengths: [Int], firstPositions: [Int]? = nil) {
        precondition(
            firstPositions.map { $0.count == lengths.count } ?? true,
            "SequenceLayout: \(lengths.count) lengths, \(firstPositions?.count ?? 0) positions")
        var start = 0
        segments = lengths.enumerated().map { index, length in
            defer { start += length }
            return Segment(start: start, length: length, firstPosition: firstPositions?[index] ?? 0)
        }
        count = start
    }

    /// Each token's position in its sequence, shape `[count]`.
    public var positions: [Int32] {
        var result = [Int32]()
        result.reserveCapacity(count)
        for segment in segments {
            for offset in 0..<segment.length {
                result.append(Int32(segment.firstPosition + offset))
            }
        }
        return result
    }
}
