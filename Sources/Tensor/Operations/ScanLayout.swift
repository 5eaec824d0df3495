public import FledgeCore

/// How a run's tokens follow one another, for layers that carry something from each token to the next.
///
/// It is the forest of ``SequenceLayout`` without positions: a segment goes on from the end of another
/// one of the run, from what was kept of an earlier run, or from nothing.
public struct ScanLayout: Hashable, Sendable {
    /// Tokens that follow one another.
    public struct Segment: Hashable, Sendable {
        /// The run's indices of the tokens.
        public var range: Range<Int>
        /// The earlier segment of the run whose end this one goes on from.
        public var parent: Int?

        /// Creates a segment.
        public init(_ range: Range<Int>, parent: Int? = nil) {
            (self.range, self.parent) = (range, parent)
        }
    }

    /// The segments in the order of the run, parents before their children.
    public let segments: [Segment]
    /// Number of tokens of the run.
    public var count: Int { segments.last?.range.upperBound ?? 0 }
    /// The segments by the one that they begin with, which nothing else of the run is reached from.
    let trees: [[Int]]
    /// For each segment its tree, and its place in it.
    private let places: [(tree: Int, place: Int)]

    /// Creates a layout.
    ///
    /// - Precondition: Segments lie one after another without gaps.
    public init(_ segments: [Segment]) {
        self.segments = segments
        var (trees, places, end) = ([[Int]](), [(tree: Int, place: Int)](), 0)
        for (index, segment) in segments.enumerated() {
            precondition(
                segment.range.lowerBound == end && segment.parent.map { $0 < index } ?? true,
                "ScanLayout: segment \(index), \(segment)")
            end = segment.range.upperBound
            let tree = segment.parent.map { places[$0].tree } ?? trees.count
            if tree == trees.count { trees.append([]) }
            places.append((tree, trees[tree].count))
            trees[tree].append(index)
        }
        (self.trees, self.places) = (trees, places)
    }

    /// The layout of whole sequences.
    public init(_ layout: SequenceLayout) {
        self.init(layout.segments.map { Segment($0.range, parent: $0.parent) })
    }

    /// Layouts with the same segments are the same.
    public static func == (left: ScanLayout, right: ScanLayout) -> Bool {
        left.segments == right.segments
    }

    /// Hashes the segments.
    public func hash(into hasher: inout Hasher) { hasher.combine(segments) }

    /// A segment's place among those of its tree.
    func placeInTree(of segment: Int) -> Int { places[segment].place }

    /// Where a row that comes before a segment's first one lies.
    enum Earlier {
        /// In a segment of the run, counted from its last row.
        case row(segment: Int, fromEnd: Int)
        /// In what was kept before the segment that a tree begins with, counted from the last row.
        case kept(segment: Int, fromEnd: Int)
    }

    /// The row that lies `distance` rows before a segment's first, 1 for the one right before it.
    func row(_ distance: Int, before segment: Int) -> Earlier {
        var (index, rest) = (segment, distance - 1)
        while let parent = segments[index].parent {
            index = parent
            if rest < segments[index].range.count { return .row(segment: index, fromEnd: rest) }
            rest -= segments[index].range.count
        }
        return .kept(segment: index, fromEnd: rest)
    }
}
