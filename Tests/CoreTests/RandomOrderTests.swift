import FledgeCore
import Testing

/// Orders made by PyTorch and NumPy for the same seeds.
@Suite struct RandomOrderTests {
    @Test(
        arguments: [
            (42, 4, [2, 3, 0, 1]), (43, 4, [0, 1, 3, 2]), (42, 5, [2, 4, 3, 0, 1]),
            (42, 7, [1, 6, 3, 5, 4, 0, 2]), (43, 7, [3, 1, 2, 4, 5, 0, 6]),
            (42, 8, [6, 3, 0, 7, 2, 1, 4, 5]), (43, 8, [4, 5, 7, 1, 3, 2, 6, 0]),
            (42, 10, [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]), (43, 10, [8, 4, 9, 0, 5, 1, 6, 7, 2, 3]),
            (42, 16, [6, 3, 0, 7, 10, 15, 2, 12, 14, 9, 8, 5, 4, 13, 11, 1]),
        ] as [(UInt64, Int, [Int])])
    func torchPermutation(seed: UInt64, count: Int, expected: [Int]) {
        var generator = MersenneTwister(seed: seed)
        #expect(generator.torchPermutation(count) == expected)
    }

    @Test func legacyNumPy() {
        var generator = MersenneTwister(seed: 42)
        #expect(generator.legacyPermutation(10) == [8, 1, 5, 0, 7, 2, 9, 4, 3, 6])
        #expect(generator.legacyChoice(10, draws: 5) == [2, 6, 7, 4, 3])
    }

    @Test(
        arguments: [
            (0, [4, 6, 2, 7, 3, 5, 9, 0, 8, 1]), (42, [5, 6, 0, 7, 3, 2, 4, 9, 1, 8]),
            (42, [15, 9, 14, 7, 12, 10, 6, 19, 3, 0, 16, 5, 11, 18, 2, 4, 17, 1, 13, 8]),
        ] as [(UInt64, [Int])])
    func permutation(seed: UInt64, expected: [Int]) {
        var generator = PermutedCongruential(seed: seed)
        #expect(generator.permutation(expected.count) == expected)
    }

    @Test func integersBelowABound() {
        var generator = PermutedCongruential(seed: 42)
        #expect((0..<5).map { _ in generator.integer(below: 10) } == [0, 7, 6, 4, 4])
    }

    @Test func choiceWithProbabilities() {
        var generator = PermutedCongruential(seed: 42)
        #expect(
            generator.choice([0.2, 0.3, 0.5], draws: 12) == [2, 1, 2, 2, 0, 2, 2, 2, 0, 1, 1, 2])
    }

    @Test(arguments: [0, 1, 2, 3, 700, 1300])
    func everyOrderIsAPermutation(count: Int) {
        var twister = MersenneTwister(seed: 7)
        var congruential = PermutedCongruential(seed: 1 << 40)
        #expect(twister.torchPermutation(count).sorted() == Array(0..<count))
        #expect(twister.legacyPermutation(count).sorted() == Array(0..<count))
        #expect(congruential.permutation(count).sorted() == Array(0..<count))
    }
}
