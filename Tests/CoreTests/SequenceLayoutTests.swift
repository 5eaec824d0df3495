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
    }
}
