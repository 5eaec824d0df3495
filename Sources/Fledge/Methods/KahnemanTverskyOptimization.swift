internal import FledgeCore
public import FledgeData
internal import FledgeTrain

/// Kahneman–Tversky optimization (`stage: kto`; reference: 05 §8).
public struct KahnemanTverskyOptimization: TrainingMethod {
    /// Creates the method.
    public init() {}

    /// `kto`.
    public var name: String { "kto" }

    /// The loss of marked answers and its reference.
    public var reads: Set<KeyGroup> { [.preferences, .feedback, .references] }

    /// Marked answers.
    public var rows: RowTraits { RowTraits(isMarked: true, learnsLastAnswer: true) }

    /// The mean reward of good answers.
    public var plotted: [String] { ["rewards/chosen"] }

    /// Marked answers.
    public func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<FeedbackSample> {
        let processor = try FeedbackProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        let pairs = FeedbackPairs(
            processor, batchSize: configuration.data.preprocessingBatchSize)
        return SampleRecipe(pairs, answerCount: 1) { $0.faults(in: $1, $2) }
    }

    /// Answers behind their questions, and behind each question the answer of another row.
    public func collate(
        _ picked: [(index: Int, sample: FeedbackSample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> FeedbackBatch {
        collator(sharesPrefixes, configuration).batch(
            picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
    }

    /// The answer and the one of another row, their question once where a batch of the row has it so.
    public func size(
        of sample: FeedbackSample, sharesPrefixes: Bool, _ configuration: RunConfiguration
    ) -> (tokens: Int, supervised: Int) {
        (
            collator(sharesPrefixes, configuration).tokenCount(of: sample),
            sample.target.supervisedCount + sample.mismatched.supervisedCount
        )
    }

    private func collator(
        _ sharesPrefixes: Bool, _ configuration: RunConfiguration
    ) -> FeedbackCollator {
        FeedbackCollator(
            sharesPrefixes: sharesPrefixes,
            trainsWeights: configuration.finetuning.method != .lora)
    }

    /// False: the divergence is estimated over a batch.
    public func mergesBatches(_ configuration: RunConfiguration) -> Bool { false }

    /// Trains the policy, held against the reference.
    public func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
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
