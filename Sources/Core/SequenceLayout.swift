/// How a flat run of tokens divides into sequences, and which of them continue which.
///
/// A batch is never a padded rectangle: its tokens lie one after another in one run, and this layout
/// says where each segment begins. Segments form a forest: one that has a parent continues it, so a
/// token sees the tokens before it in its own segment and everything in the segments above. Sequences
/// that begin alike share what they have in common, segments without a common ancestor do not see
/// each other, and padding does not exist.
public struct SequenceLayout: Hashable, Sendable {
    /// One stretch of the run.
    public struct Segment: Hashable, Sendable {
        /// Index of the first token in the run.
        public let start: Int
        /// Number of tokens; may be zero.
        public let length: Int
        /// Position of the first token, for rotary embeddings (not zero after a prefix).
        public let firstPosition: Int
        /// Index of the segment that this one continues; nil where a sequence begins.
        public let parent: Int?

        /// Creates a segment.
        public init(start: Int, length: Int, firstPosition: Int = 0, parent: Int? = nil) {
            precondition(start >= 0 && length >= 0 && firstPosition >= 0)
            (self.start, self.length, self.firstPosition) = (start, length, firstPosition)
            self.parent = parent
        }

        /// The run's indices that belong to the segment.
        public var range: Range<Int> { start..<(start + length) }
        /// The position behind the last token, where a child goes on.
        public var endPosition: Int { firstPosition + length }
    }

    /// The segments in the order of the run, without gaps; parents come before their children.
    public let segments: [Segment]
    /// Number of tokens of the whole run.
    public let count: Int

    /// Takes segments that lie without gaps, parents before their children.
    init(laid segments: [Segment], count: Int) { (self.segments, self.count) = (segments, count) }

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

    /// Lays the segments of a forest one after another; positions go on from the parent's last.
    ///
    /// - Parameters:
    ///   - parents: For each segment an earlier one that it continues, or nil.
    ///   - restartsPositions: Whether positions begin at zero in every segment instead, as where
    ///     samples that are packed into a row see those before them.
    public init(lengths: [Int], parents: [Int?], restartsPositions: Bool = false) {
        precondition(
            lengths.count == parents.count,
            "SequenceLayout: \(lengths.count) lengths, \(parents.count) parents")
        var laid: [Segment] = []
        laid.reserveCapacity(lengths.count)
        var start = 0
        for (length, parent) in zip(lengths, parents) {
            precondition(
                parent.map { $0 >= 0 && $0 < laid.count } ?? true,
                "SequenceLayout: segment \(laid.count) has parent \(parent ?? -1), not an earlier one"
            )
            laid.append(
                Segment(
                    start: start, length: length,
                    firstPosition: restartsPositions
                        ? 0 : parent.map { laid[$0].endPosition } ?? 0, parent: parent))
            start += length
        }
        (segments, count) = (laid, start)
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
