/// What a stage computes at once: tokens, and whatever an objective has to know beside them.
public protocol TokenizedBatch: Sendable {
    /// The tokens of all samples and what is supervised in them.
    var tokens: TokenBatch { get }
}

/// What one forward pass consumes: token ids in one flat run, and what is supervised in it.
///
/// Plain values: batches are what crosses from the data pipeline's threads to the trainer's.
public struct TokenBatch: TokenizedBatch, Hashable {
    /// Token ids of all sequences, one after another.
    public var ids: [Int32]
    /// How the run divides into sequences, and what they share.
    public var layout: SequenceLayout
    /// The predictions that a loss looks at.
    public var supervision: Supervision
    /// Global index of each segment's sample, the identity that keyed randomness uses; of a shared
    /// segment the first of its samples.
    public var samples: [Int]
    /// The epoch that the samples are drawn in, counted from 0; part of the random keys.
    public var epoch: Int

    /// Creates a batch.
    public init(
        ids: [Int32], layout: SequenceLayout, supervision: Supervision = Supervision(),
        samples: [Int]? = nil, epoch: Int = 0
    ) {
        precondition(
            ids.count == layout.count, "TokenBatch: \(ids.count) ids, layout of \(layout.count)")
        self.ids = ids
        self.layout = layout
        self.supervision = supervision
        self.samples = samples ?? Array(layout.segments.indices)
        self.epoch = epoch
        precondition(
            self.samples.count == layout.segments.count, "TokenBatch: one sample a segment")
    }

    /// The batch itself.
    public var tokens: TokenBatch { self }

    /// Number of tokens of the samples, a shared segment once for every sample.
    public var tokenCount: Int { layout.unsharedCount }

    /// Creates a batch of unsupervised sequences.
    public init(sequences: [[Int32]]) {
        self.init(
            ids: sequences.flatMap { $0 }, layout: SequenceLayout(lengths: sequences.map(\.count)))
    }
}

/// The predictions that count: a list of rows, never one label per token.
///
/// Row `r` of the run predicts token `targets[i]` for `rows[i] == r`. A row may occur more than once:
/// the last one of a shared prompt predicts the first token of every answer.
public struct Supervision: Hashable, Sendable {
    /// Index into the run of the token that predicts.
    public var rows: [Int32]
    /// The token that should come next.
    public var targets: [Int32]
    /// How much the prediction counts; 1 for ordinary training.
    public var weights: [Float]
    /// Index of the sample in the batch that the prediction belongs to: what objectives sum by.
    public var samples: [Int32]

    /// Weight that enters the denominator of a mean loss without a prediction of its own; zero
    /// except where the reference's count of labels is to be reproduced.
    public var extraWeight = 0.0

    /// Creates a list of predictions; all arrays have the same length.
    public init(
        rows: [Int32] = [], targets: [Int32] = [], weights: [Float]? = nil, samples: [Int32]? = nil
    ) {
        self.rows = rows
        self.targets = targets
        self.weights = weights ?? Array(repeating: 1, count: rows.count)
        self.samples = samples ?? Array(repeating: 0, count: rows.count)
        precondition(
            targets.count == rows.count && self.weights.count == rows.count
                && self.samples.count == rows.count, "Supervision: arrays of different lengths")
    }

    /// Number of predictions.
    public var count: Int { rows.count }

    /// Sum of the weights, the denominator of a mean loss.
    public var totalWeight: Double { weights.reduce(extraWeight) { $0 + Double($1) } }

    /// Adds one prediction.
    public mutating func append(row: Int, target: Int32, weight: Float = 1, sample: Int) {
        rows.append(Int32(row))
        targets.append(target)
        weights.append(weight)
        samples.append(Int32(sample))
    }
}
