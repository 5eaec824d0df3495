public import FledgeCore
public import FledgeData
public import FledgeTrain
internal import Foundation

/// Pre-training (`stage: pt`): every token of plain texts is learned (reference: 05 §4).
public struct Pretraining: TrainingMethod {
    /// Creates the method.
    public init() {}

    /// `pt`.
    public var name: String { "pt" }

    /// Texts, cut into blocks where nothing is said about it.
    public var rows: RowTraits { RowTraits(isText: true, packsByDefault: true, packs: true) }

    /// Texts, cut into blocks unless that is turned off.
    public func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PackedRow> {
        let options = configuration.data
        let packs = configuration.packs
        let (batchSize, seed) = (options.preprocessingBatchSize, configuration.orderSeed)
        let processor = try PretrainingProcessor(
            tokenizer: text.tokenizer, templateName: options.template,
            cutoffLength: configuration.cutoffLength, packs: packs,
            addsBeginOfText: text.addsBeginOfText,
            quirks: configuration.finetuning.referenceQuirks)
        return SampleRecipe(
            packedLength: packs ? configuration.cutoffLength : nil, answerCount: 0,
            readsTextAlone: true,
            make: { rows, threads, progress in
                let data = try processor.process(rows, threads: threads, progress: progress)
                let samples =
                    packs ? processor.blocks(data.samples, batchSize: batchSize) : data.samples
                return ProcessedDataset(samples: PackedRow.singles(samples), report: data.report)
            },
            stream: { rows, cache, threads, progress in
                guard packs else { return PackedRow.singles(rows, processor) }
                let lengths = try StreamLengths(
                    of: rows, processor, cache: cache(), threads: threads, progress: progress)
                return SampleStream(
                    blocks: rows, processor, lengths: lengths, batchSize: batchSize, seed: seed)
            },
            check: { $0.faults(in: $1.flatMap(\.samples), $2, endsAnswers: false) })
    }

    /// Puts the samples of some rows into one flat run.
    public func collate(
        _ picked: [(index: Int, sample: PackedRow)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> TokenBatch {
        SupervisedCollator(
            quirks: configuration.finetuning.referenceQuirks, sharesPrefixes: sharesPrefixes
        ).batch(rows: picked.map(\.sample), epoch: epoch)
    }

    /// False where a loss of the reference depends on how micro-batches are cut.
    public func mergesBatches(_ configuration: RunConfiguration) -> Bool {
        TokenLossChoice(configuration).merges
    }

    /// All tokens of the row.
    public func size(
        of row: PackedRow, sharesPrefixes: Bool
    ) -> (tokens: Int, supervised: Int) {
        (row.length, row.supervisedCount)
    }

    /// Trains by the cross-entropy of every token.
    public func parts(
        _ side: ModelSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<TokenBatch> {
        try TokenLossChoice(configuration).parts(side)
    }

    /// Adds the perplexity, e to the power of the loss.
    public func complete(_ values: inout [String: Double], prefix: String) {
        guard let loss = values[prefix + "_loss"] else { return }
        values[prefix + "_perplexity"] = exp(loss)
    }
}
