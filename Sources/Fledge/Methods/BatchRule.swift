internal import FledgeCore
public import FledgeData
public import FledgeTrain

/// How the samples of a method become micro-batches, loaded and streamed alike.
public struct BatchRule<Sample: Sendable, Batch: Sendable>: Sendable {
    /// Samples of a micro-batch.
    public var batchSize: Int
    /// Whether a last batch with fewer samples is left out.
    public var dropsLast = false
    /// The most tokens that small micro-batches of an optimizer step are put together to; nil leaves
    /// them apart.
    public var mergingLimit: Int?
    /// Tokens that a sample puts into a batch.
    public var length: @Sendable (Sample) -> Int
    /// Makes a batch of samples with their places in the data, in an epoch.
    public var collate:
        @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws -> Batch

    /// Creates a rule for batches of so many samples.
    public init(
        batchSize: Int, length: @escaping @Sendable (Sample) -> Int,
        collate:
            @escaping @Sendable (_ samples: [(index: Int, sample: Sample)], _ epoch: Int) throws ->
            Batch
    ) {
        (self.batchSize, self.length, self.collate) = (batchSize, length, collate)
    }

    /// The batches of samples, in the order that their source gives each epoch.
    public func epochs(_ source: any SampleSource<Sample>) -> Epochs<Sample, Batch> {
        Epochs(
            source, batchSize: batchSize, dropsLast: dropsLast, merging: merging, collate: collate)
    }

    /// The batches of samples that are in memory, in an order that follows from the seed; nil keeps
    /// that of the data.
    public func epochs(_ samples: [Sample], seed: UInt64?) -> Epochs<Sample, Batch> {
        epochs(LoadedSamples(samples, seed: seed))
    }

    private var merging: Epochs<Sample, Batch>.Merging? {
        mergingLimit.map { limit in .init(limit: limit, length: length) }
    }
}

extension TrainingMethod {
    /// How samples become the micro-batches of training.
    ///
    /// - Parameter auxiliaryWeight: That of the loss of routers, which looks at whole micro-batches.
    func trainingBatches(
        _ configuration: RunConfiguration, sharesPrefixes: Bool, auxiliaryWeight: Double
    ) -> BatchRule<Sample, Batch> {
        var rule = evaluationBatches(configuration, sharesPrefixes: sharesPrefixes)
        rule.batchSize = configuration.training.trainBatchSize
        rule.dropsLast = configuration.training.dropsLastBatch
        let merges = auxiliaryWeight == 0 && mergesBatches(configuration)
        rule.mergingLimit = merges ? configuration.mergingLimit : nil
        return rule
    }

    /// How samples become the micro-batches of evaluation.
    func evaluationBatches(
        _ configuration: RunConfiguration, sharesPrefixes: Bool
    ) -> BatchRule<Sample, Batch> {
        BatchRule(
            batchSize: configuration.training.evaluationBatchSize,
            length: { size(of: $0, sharesPrefixes: sharesPrefixes, configuration).tokens },
            collate: {
                try collate($0, epoch: $1, sharesPrefixes: sharesPrefixes, configuration)
            })
    }
}
