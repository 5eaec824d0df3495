import FledgeCore
import FledgeModel
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Attention within groups of a sequence's tokens, against what a mask says.
@Suite struct ShiftedGroupsTests {
    /// Attention as it is defined, one query, head and channel after another.
    private func masked(
        _ q: [Double], _ k: [Double], _ v: [Double], lengths: [Int], heads: Int, sharing: Int,
        dimension: Int, window: Int?
    ) -> [Double] {
        let (row, keyRow) = (heads * dimension, heads / sharing * dimension)
        var result = [Double](repeating: 0, count: q.count)
        var start = 0
        for length in lengths {
            let group = (length + 3) / 4
            for head in 0..<heads {
                let own = (head * dimension, head / sharing * dimension)
                func place(_ token: Int) -> Int {
                    head < heads / 2 ? token / group : (token + group - (group + 1) / 2) / group
                }
                for query in 0..<length {
                    let seen = (0...query).filter {
                        place($0) == place(query) && query - $0 < window ?? .max
                    }
                    let weights = seen.map { key -> Double in
                        let scores = (0..<dimension).map {
                            q[(start + query) * row + own.0 + $0]
                                * k[(start + key) * keyRow + own.1 + $0]
                        }
                        return exp(scores.reduce(0, +) * 0.5)
                    }
                    let total = weights.reduce(0, +)
                    for channel in 0..<dimension {
                        let sum = zip(seen, weights).reduce(0) {
                            $0 + $1.1 * v[(start + $1.0) * keyRow + own.1 + channel]
                        }
                        result[(start + query) * row + own.0 + channel] = sum / total
                    }
                }
            }
            start += length
        }
        return result
    }

    private func drawn(_ shape: [Int], _ name: String) -> Tensor {
        var generator = KeyedGenerator(RandomKey(seed: 7).appending(name))
        let count = shape.reduce(1, *)
        return Tensor((0..<count).map { _ in 2 * generator.uniform() - 1 }, shape: shape)
    }

    /// Heads that share keys in pairs, in threes that the middle divides, and all.
    @Test(arguments: [(4, 2), (9, 3), (3, 3), (5, 1)], [nil, 2])
    func groups(heads: (count: Int, sharing: Int), window: Int?) {
        let lengths = [1, 2, 13, 16, 5]
        let (tokens, dimension) = (lengths.reduce(0, +), 4)
        let q = drawn([tokens, heads.count * dimension], "q")
        let k = drawn([tokens, heads.count / heads.sharing * dimension], "k")
        let v = drawn(k.shape, "v")
        let found = ShiftedGroups(SequenceLayout(lengths: lengths)).attend(
            q, k, v, heads: heads.count, keyValueHeads: heads.count / heads.sharing,
            options: AttentionOptions(scale: 0.5, window: window))
        let expected = masked(
            q.doubles(), k.doubles(), v.doubles(), lengths: lengths, heads: heads.count,
            sharing: heads.sharing, dimension: dimension, window: window)
        let error = zip(found.doubles(), expected).map { abs($0 - $1) }.max() ?? 0
        #expect(found.shape == q.shape && error < 1e-12, "\(error)")
    }

    /// Sinks are there for all heads together.
    @Test func sinks() {
        let q = drawn([13, 8], "q")
        let (layout, heads) = (SequenceLayout(lengths: [13]), 2)
        var options = AttentionOptions(scale: 0.5)
        func attended() -> [Double] {
            ShiftedGroups(layout).attend(
                q, q, q, heads: heads, keyValueHeads: heads, options: options
            ).doubles()
        }
        let plain = attended()
        options.sinks = Parameter("sinks", Tensor([-1e9, -1e9] as [Double], shape: [2]))
        #expect(attended() == plain)
        options.sinks = Parameter("sinks", Tensor([0, 0] as [Double], shape: [2]))
        #expect(attended() != plain)
    }

    /// Training alone is divided, and gradients stay within groups.
    @Test func modelsSeeGroupsInTraining() throws {
        let model = try Checkpoint(path: fixtures + "/tiny-llama/float32").causalLM()
        let ids = (0..<16).map { Int32($0 + 3) }
        var batch = TokenBatch(ids: ids, layout: SequenceLayout(lengths: [16]))
        for row in 0..<15 { batch.supervision.append(row: row, target: ids[row + 1], sample: 0) }
        func states(_ pass: ForwardPass, shifts: Bool) -> [Float] {
            var pass = pass
            pass.shiftsAttention = shifts
            return model.hiddenStates(ids, layout: batch.layout, pass).scalars()
        }
        let training = ForwardPass(.float32, training: batch, seed: 1)
        let whole = states(training, shifts: false)
        let groups = states(training, shifts: true)
        // The first quarter's first half sees the same in both.
        let row = whole.count / 16
        #expect(groups[..<(2 * row)] == whole[..<(2 * row)])
        #expect(groups[(15 * row)...] != whole[(15 * row)...])
        let plain = ForwardPass(.float32)
        #expect(states(plain, shifts: true) == states(plain, shifts: false))
    }
}
