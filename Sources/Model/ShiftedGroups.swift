package import FledgeCore
package import FledgeTensor

/// Attention within groups of a sequence's tokens (S²-Attn of LongLoRA, Chen et al. 2024): for half of the
/// heads a sequence is cut into four groups, for the others half a group further on.
///
/// The paper's code rolls a sequence round, so that the first half group sees the end of the text; here it
/// is a group of its own.
package struct ShiftedGroups {
    private let aligned: SequenceLayout
    private let shifted: SequenceLayout

    /// Cuts the sequences of a layout.
    ///
    /// - Precondition: None continues another one.
    package init(_ layout: SequenceLayout) {
        precondition(
            layout.segments.allSatisfy { $0.parent == nil },
            "ShiftedGroups: of sequences that share tokens")
        let lengths = layout.segments.map(\.length)
        aligned = SequenceLayout(lengths: lengths.flatMap { Self.cut($0, first: Self.group($0)) })
        shifted = SequenceLayout(
            lengths: lengths.flatMap { Self.cut($0, first: (Self.group($0) + 1) / 2) })
    }

    /// A quarter of a length, rounded up.
    private static func group(_ length: Int) -> Int { (length + 3) / 4 }

    /// The lengths of groups of which the first has another one.
    static func cut(_ length: Int, first: Int) -> [Int] {
        guard first < length else { return [length] }
        let group = group(length)
        let ends = Array(stride(from: first, to: length, by: group)) + [length]
        return [first] + zip(ends, ends.dropFirst()).map { $1 - $0 }
    }

    /// Attention of the first half of the heads within aligned groups, of the others within shifted ones;
    /// shapes as in `causalAttention`.
    package func attend(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, keyValueHeads: Int,
        options: AttentionOptions
    ) -> Tensor {
        let (dimension, sharing, half) = (q.shape[1] / heads, heads / keyValueHeads, heads / 2)
        guard options.sinks == nil else {
            // Sinks are there for all heads only, so all are computed both ways.
            let ways = [aligned, shifted].map {
                causalAttention(
                    q, k, v, layout: $0, heads: heads, keyValueHeads: keyValueHeads,
                    options: options)
            }
            return joinedColumns([
                ways[0].columns(0..<half * dimension),
                ways[1].columns(half * dimension..<heads * dimension),
            ])
        }
        // Heads that share keys and values go together, but for those that the middle divides.
        let whole = [half / sharing, (half + sharing - 1) / sharing].map { $0 * sharing }
        let cuts = Set(whole + [0, half, heads]).sorted()
        let parts = zip(cuts, cuts.dropFirst()).map { first, end in
            let shared = first / sharing..<(end + sharing - 1) / sharing
            let columns = shared.lowerBound * dimension..<shared.upperBound * dimension
            return causalAttention(
                q.columns(first * dimension..<end * dimension), k.columns(columns),
                v.columns(columns), layout: first < half ? aligned : shifted, heads: end - first,
                keyValueHeads: shared.count, options: options)
        }
        return joinedColumns(parts)
    }
}
