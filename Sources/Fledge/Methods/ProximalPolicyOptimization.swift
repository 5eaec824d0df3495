public import FledgeCore
public import FledgeData

/// Proximal policy optimization (`stage: ppo`; reference: 05 §10): its questions can be prepared.
public struct ProximalPolicyOptimization: TrainingMethod {
    /// Creates the method.
    public init() {}

    /// `ppo`.
    public var name: String { "ppo" }

    /// None: its rows alone are prepared.
    public var reads: Set<KeyGroup> { [] }

    /// Questions.
    public var rows: RowTraits { RowTraits(learnsLastAnswer: true) }

    /// False: its samples can be made and planned.
    public var isTrainable: Bool { false }

    /// Questions.
    public func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PromptSample> {
        let processor = try PromptProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        return SampleRecipe(SingleSamples(processor), answerCount: 0) { $0.faults(in: $1, $2) }
    }

    /// Puts the sequences of samples into one flat run.
    public func collate(
        _ picked: [(index: Int, sample: PromptSample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> TokenBatch {
        SupervisedCollator(sharesPrefixes: sharesPrefixes).batch(
            picked.flatMap(\.sample.sequences), epoch: epoch)
    }

    /// The question.
    public func size(
        of sample: PromptSample, sharesPrefixes: Bool, _ configuration: RunConfiguration
    ) -> (tokens: Int, supervised: Int) {
        (sample.promptIDs.count, 0)
    }

    /// Not there yet.
    public func parts(
        _ side: ModelSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<TokenBatch> {
        try configuration.requireTrainable()
        throw FledgeError(.unsupported, "stage: \(name) cannot be trained yet.")
    }
}
