public import FledgeCore
public import FledgeData
internal import FledgeTrain
internal import Foundation

/// Pre-training (`stage: pt`): every token of plain texts is learned (reference: 05 §4).
public struct Pretraining: TrainingMethod {
    /// Creates the method.
    public init() {}

    /// `pt`.
    public var name: String { "pt" }

    /// What is done to the cross-entropy, and dropout.
    public var reads: Set<KeyGroup> { [.crossEntropy, .dropout] }

    /// Texts, cut into blocks where nothing is said about it.
    public var rows: RowTraits { RowTraits(isText: true, packsByDefault: true, packs: true) }

    /// Texts, cut into blocks unless that is turned off.
    public func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PackedRow> {
        let packs = configuration.packs
        let processor = try PretrainingProcessor(
            tokenizer: text.tokenizer, templateName: configuration.data.template,
            cutoffLength: configuration.cutoffLength, packs: packs,
            addsBeginOfText: text.addsBeginOfText,
            quirks: configuration.finetuning.referenceQuirks)
        let blocks = TokenBlocks(
            processor, batchSize: configuration.data.preprocessingBatchSize)
        return SampleRecipe(
            packs ? JoinedSamples(processor, by: blocks) : SingleSamples(processor),
            packedLength: packs ? configuration.cutoffLength : nil, answerCount: 0,
            readsTextAlone: true
        ) { $0.faults(in: $1.flatMap(\.samples), $2, endsAnswers: false) }
    }

    /// False where a loss of the reference depends on how micro-batches are cut.
    public func mergesBatches(_ configuration: RunConfiguration) -> Bool {
        TokenLossChoice(configuration, loss: .crossEntropy).merges
    }

    /// Trains by the cross-entropy of every token.
    public func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<TokenBatch> {
        try TokenLossChoice(configuration, loss: .crossEntropy).parts(side)
    }

    /// Adds the perplexity, e to the power of the loss.
    public func complete(_ values: inout [String: Double], prefix: String) {
        guard let loss = values[prefix + "_loss"] else { return }
        values[prefix + "_perplexity"] = exp(loss)
    }
}
