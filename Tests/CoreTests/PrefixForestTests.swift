import FledgeCore
import Testing

@Suite("Shared prefixes")
struct PrefixForestTests {
    private func tokens(_ text: String) -> [Int32] { text.utf8.map { Int32($0) } }

    /// Every sequence can be read back from its path, whatever is shared.
    private func expectWhole(_ sequences: [[Int32]], _ forest: PrefixForest) {
        #expect(forest.leaves.count == sequences.count)
        #expect(Set(forest.leaves).count == sequences.count)
        for (index, sequence) in sequences.enumerated() {
            let ranges = forest.layout.ranges(to: forest.leaves[index])
            #expect(ranges.flatMap { forest.ids[$0] } == sequence)
            let positions = ranges.flatMap { forest.layout.positions[$0] }
            #expect(positions == sequence.indices.map { Int32($0) })
        }
        #expect(forest.layout.unsharedCount == sequences.map(\.count).reduce(0, +))
    }

    @Test func prefixesOfPrefixesAreShared() {
        let texts = ["system one A", "system two", "other", "system one B", "system one A"]
        let sequences = texts.map { tokens($0) }
        let forest = PrefixForest(sequences, minimumLength: 2)
        expectWhole(sequences, forest)
        // "system ", "one ", "A", "A", "B", "two", "other".
        #expect(forest.layout.count == 7 + 4 + 1 + 1 + 1 + 3 + 5)
        // "system ", "one A" with nothing behind it, "one B", "two", "other".
        let coarse = PrefixForest(sequences, minimumLength: 5)
        expectWhole(sequences, coarse)
        #expect(coarse.layout.count == 7 + 5 + 5 + 3 + 5)
    }

    @Test func shortPrefixesStayApart() {
        let sequences = ["abcx", "abcy", "ab", ""].map { tokens($0) }
        let forest = PrefixForest(sequences, minimumLength: 4)
        expectWhole(sequences, forest)
        #expect(forest.layout == SequenceLayout(lengths: [4, 4, 2, 0]))
        #expect(forest.ids == tokens("abcxabcyab"))
        #expect(!PrefixForest([], minimumLength: 1).layout.hasSharedSegments)
    }

    /// A common start that is too short for all may still be long enough for some.
    @Test func groupsInsideAGroup() {
        let sequences = ["ab1111x", "ab2222x", "ab1111y", "ab2222y", "ab"].map { tokens($0) }
        let forest = PrefixForest(sequences, minimumLength: 3)
        expectWhole(sequences, forest)
        #expect(forest.layout.count == 6 + 6 + 4 + 2)
        #expect(forest.owners == [0, 0, 2, 1, 1, 3, 4])
    }

    @Test func everySmallSetOfSequences() {
        let words = (0..<15).map { number -> [Int32] in
            let length = number < 1 ? 0 : number < 3 ? 1 : number < 7 ? 2 : 3
            return (0..<length).map { Int32((number + 1) >> $0 & 1) }
        }
        for a in words {
            for b in words {
                for c in words {
                    for minimum in 1...2 {
                        expectWhole([a, b, c], PrefixForest([a, b, c], minimumLength: minimum))
                    }
                }
            }
        }
    }
}
