internal import FledgeCore
public import FledgeData
internal import FledgeTrain

/// Kahneman–Tversky optimization (`stage: kto`; reference: 05 §8).
public struct KahnemanTverskyOptimization: TrainingMethod {
    /// Creates the method.
    public init() {}

    /// `kto`.
    public var name: String { "kto" }

    /// Marked answers.
    public var rows: RowTraits { RowTraits(learnsLastAnswer: true) }

    /// The mean reward of good answers.
    public var plotted: [String] { ["rewards/chosen"] }

    /// Marked answers.
    public func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<FeedbackSample> {
        let batchSize = configuration.data.preprocessingBatchSize
        let processor = try FeedbackProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        return SampleRecipe(
            packedLength: nil, answerCount: 1,
            make: { rows, threads, progress in
                try processor.process(
                    processor.paired(rows, batchSize: batchSize), threads: threads,
                    progress: progress)
            },
            stream: { rows, _, _, _ in SampleStream(rows, processor) },
            check: { $0.faults(in: $1, $2) })
    }

    /// Answers behind their questions, and behind each question the answer of another row.
    public func collate(
        _ picked: [(index: Int, sample: FeedbackSample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> FeedbackBatch {
        FeedbackCollator(
            sharesPrefixes: sharesPrefixes,
            trainsWeights: configuration.finetuning.method != .lora
        ).batch(
            picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
    }

    /// The answer, and the one of another row.
    public func size(
        of sample: FeedbackSample, sharesPrefixes: Bool
    ) -> (tokens: Int, supervised: Int) {
        sample.sequences.reduce((0, 0)) {
            ($0.0 + $1.inputIDs.count, $0.1 + $1.supervisedCount)
        }
    }

    /// False: the divergence is estimated over a batch.
    public func mergesBatches(_ configuration: RunConfiguration) -> Bool { false }

    /// Trains the policy, held against the reference.
    public func parts(
        _ side: ModelSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<FeedbackBatch> {
        let options = configuration.preference
        let reference = try ReferenceChoice(side, configuration)
        let kept = reference.kept(configuration) { (batch: FeedbackBatch) in batch.answers }
        return TrainingParts(
            side,
            FeedbackOptimization(
                reference: kept.policy,
                options: .init(
                    loss: FeedbackLoss(
                        beta: options.beta, desirableWeight: options.desirableWeight,
                        undesirableWeight: options.undesirableWeight),
                    supervisedWeight: options.supervisedWeight,
                    sumsDivergence: configuration.finetuning.referenceQuirks.contains(
                        .metricNames))),
            seed: configuration.training.seed,
            companions: [reference.companion].compactMap(\.self), usesDropout: false,
            notes: reference.notes, preparation: kept.preparation)
    }
}
