public import FledgeCore
public import FledgeData

/// Direct preference optimization and its kin (`stage: dpo`; reference: 05 §7).
public struct DirectPreferenceOptimization: TrainingMethod {
    /// Creates the method.
    public init() {}

    /// `dpo`.
    public var name: String { "dpo" }

    /// Pairs of answers.
    public var rows: RowTraits { RowTraits(isRanking: true, learnsLastAnswer: true) }

    /// False: its samples can be made and planned.
    public var isTrainable: Bool { false }

    /// Pairs.
    public func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PairwiseSample> {
        try PairwiseSample.recipe(configuration, text)
    }

    /// Puts the sequences of samples into one flat run.
    public func collate(
        _ picked: [(index: Int, sample: PairwiseSample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> TokenBatch {
        SupervisedCollator(sharesPrefixes: sharesPrefixes).batch(
            picked.flatMap(\.sample.sequences), epoch: epoch)
    }

    /// Both sequences of the pair.
    public func size(of sample: PairwiseSample) -> (tokens: Int, supervised: Int) {
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
