import FledgeCore
import Testing

@Suite("Sequence layouts")
struct SequenceLayoutTests {
    @Test func positionsRestartInEverySegment() {
        let layout = SequenceLayout(lengths: [3, 0, 2], firstPositions: [0, 4, 5])
        #expect(layout.count == 5)
        #expect(layout.positions == [0, 1, 2, 5, 6])
        #expect(layout.segments.map(\.start) == [0, 3, 3])
    }

    @Test func anEmptyRunHasNoPositions() {
        #expect(SequenceLayout(lengths: []).positions.isEmpty)
        #expect(SequenceLayout(lengths: [], parents: []).positions.isEmpty)
    }

    @Test func positionsGoOnFromTheParent() {
        let layout = SequenceLayout(lengths: [2, 1, 0, 2, 1], parents: [nil, 0, 0, 2, nil])
        #expect(layout.positions == [0, 1, 2, 2, 3, 0])
        #expect(layout.path(to: 3) == [0, 2, 3])
        #expect(layout.ranges(to: 3) == [0..<2, 3..<5])
        // Neighbours are one range, and an empty segment is none.
        #expect(layout.ranges(to: 1) == [0..<3])
        #expect(layout.ranges(to: 2) == [0..<2])
        #expect(layout.hasSharedSegments)
    }

    /// Sequences end in segments 1, 3 and 4.
    @Test func sharedTokensCountForEverySequence() {
        let layout = SequenceLayout(lengths: [2, 1, 0, 2, 1], parents: [nil, 0, 0, 2, nil])
        #expect(layout.unsharedCount == 3 + 4 + 1)
        #expect(SequenceLayout(lengths: [3, 0, 2]).unsharedCount == 5)
    }

    @Test func aDeepChainIsOneRange() {
        let layout = SequenceLayout(
            lengths: Array(repeating: 1, count: 1000), parents: [nil] + (0..<999).map { $0 })
        #expect(layout.positions == (0..<1000).map { Int32($0) })
        #expect(layout.ranges(to: 999) == [0..<1000])
        #expect(layout.unsharedCount == 1000)
    }

    @Test func withoutParentsItIsARowOfSequences() {
        #expect(
            SequenceLayout(lengths: [3, 0, 2], parents: [nil, nil, nil])
                == SequenceLayout(lengths: [3, 0, 2]))
    }
}
