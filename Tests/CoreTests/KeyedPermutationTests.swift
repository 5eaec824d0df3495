import FledgeCore
import Testing

@Suite struct KeyedPermutationTests {
    private func order(_ count: Int, _ seed: UInt64) -> [Int] {
        let permutation = KeyedPermutation(count: count, key: RandomKey(seed: seed))
        return (0..<count).map { permutation[$0] }
    }

    @Test func everyPlaceOnce() {
        for count in Array(0...70) + [255, 256, 257, 1000, 4095, 4097, 65_537] {
            #expect(order(count, 3).sorted() == Array(0..<count), "\(count)")
        }
    }

    @Test func theKeyDecides() {
        #expect(order(100, 1) == order(100, 1))
        #expect(order(100, 1) != order(100, 2))
    }

    @Test func placesAreSpreadEvenly() {
        // Over many keys each number comes about as often at each place.
        let (count, keys) = (10, 20_000)
        var times = [[Int]](repeating: [Int](repeating: 0, count: count), count: count)
        for seed in 0..<UInt64(keys) {
            for (place, number) in order(count, seed).enumerated() { times[place][number] += 1 }
        }
        let expected = Double(keys) / Double(count)
        for row in times {
            for seen in row { #expect(abs(Double(seen) - expected) < 6 * expected.squareRoot()) }
        }
        // Neighbours do not stay neighbours.
        let large = order(100_000, 7)
        let close = zip(large, large.dropFirst()).count { abs($0 - $1) < 100 }
        #expect(close < 400, "\(close)")
    }

    @Test func hugeRangesTakeNoMemory() {
        let permutation = KeyedPermutation(count: 1 << 52, key: RandomKey(seed: 5))
        let seen = Set((0..<1000).map { permutation[$0 << 40] })
        #expect(seen.count == 1000 && seen.allSatisfy { $0 >= 0 && $0 < 1 << 52 })
    }
}
