public import FledgeCore

/// Tokens of samples whose predictions are summed up sample by sample.
///
/// Unlike in a ``SupervisedCollator``'s batch, what two samples predict alike stays two predictions, so
/// `Supervision.samples` tells which are whose also where they share their prompt.
public struct AnswerBatch: TokenizedBatch, Hashable {
    /// The tokens of all samples, and what is supervised in them.
    public var tokens: TokenBatch
    /// For each sample the segment of the layout that it ends in.
    public var leaves: [Int]
    /// For each sample the global index that keyed randomness uses.
    public var indices: [Int]

    /// Creates a batch.
    public init(tokens: TokenBatch, leaves: [Int], indices: [Int]) {
        precondition(
            leaves.count == indices.count,
            "AnswerBatch: \(leaves.count) samples, \(indices.count) indices")
        (self.tokens, self.leaves, self.indices) = (tokens, leaves, indices)
    }

    /// Number of samples.
    public var sampleCount: Int { leaves.count }

    /// For each sample the sum of the weights of its predictions: the length of its answer.
    public var answerLengths: [Double] {
        var lengths = [Double](repeating: 0, count: sampleCount)
        for (sample, weight) in zip(tokens.supervision.samples, tokens.supervision.weights) {
            lengths[Int(sample)] += Double(weight)
        }
        return lengths
    }

    /// Some samples by themselves; nil where they share segments, which then belong to several.
    public func part(_ range: Range<Int>) -> AnswerBatch? {
        let layout = tokens.layout
        guard !layout.hasSharedSegments, layout.segments.count == sampleCount else { return nil }
        let segments = layout.segments[range]
        let start = segments.first?.start ?? 0
        let supervision = tokens.supervision
        var part = Supervision()
        for index in 0..<supervision.count where range.contains(Int(supervision.samples[index])) {
            part.append(
                row: Int(supervision.rows[index]) - start, target: supervision.targets[index],
                weight: supervision.weights[index],
                sample: Int(supervision.samples[index]) - range.lowerBound)
        }
        let tokens = TokenBatch(
            ids: Array(tokens.ids[start..<(segments.last?.range.upperBound ?? start)]),
            layout: SequenceLayout(lengths: segments.map(\.length)), supervision: part,
            samples: Array(tokens.samples[range]), epoch: tokens.epoch)
        return AnswerBatch(
            tokens: tokens, leaves: Array(0..<range.count), indices: Array(indices[range]))
    }
}
