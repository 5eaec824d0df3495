public import FledgeCore
public import FledgeData

/// Kahneman–Tversky optimization (`stage: kto`; reference: 05 §8).
public struct KahnemanTverskyOptimization: TrainingMethod {
    /// Creates the method.
    public init() {}

    /// `kto`.
    public var name: String { "kto" }

    /// Marked answers.
    public var rows: RowTraits { RowTraits(learnsLastAnswer: true) }

    /// False: its samples can be made and planned.
    public var isTrainable: Bool { false }

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

    /// Puts the sequences of samples into one flat run.
    public func collate(
        _ picked: [(index: Int, sample: FeedbackSample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> TokenBatch {
        SupervisedCollator(sharesPrefixes: sharesPrefixes).batch(
            picked.flatMap(\.sample.sequences), epoch: epoch)
    }

    /// The answer, and the one of another row.
    public func size(of sample: FeedbackSample) -> (tokens: Int, supervised: Int) {
        sample.sequences.reduce((0, 0)) { ($0.0 + $1.inputIDs.count, $0.1 + $1.supervisedCount) }
    }

    /// Not there yet.
    public func parts(
        _ side: ModelSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<TokenBatch> {
        try configuration.requireTrainable()
        throw FledgeError(.unsupported, "stage: \(name) cannot be trained yet.")
    }
}
