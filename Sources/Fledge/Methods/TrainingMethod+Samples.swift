public import FledgeCore
public import FledgeData

/// What methods of packed rows do unless they do otherwise.
extension TrainingMethod where Sample == PackedRow {
    /// All tokens of the row, those that its samples share once.
    public func size(
        of row: PackedRow, sharesPrefixes: Bool, _ configuration: RunConfiguration
    ) -> (tokens: Int, supervised: Int) {
        // Samples of one row meet each other there alone.
        guard row.samples.count > 1,
            let batch = try? collate(
                [(0, row)], epoch: 0, sharesPrefixes: sharesPrefixes, configuration
            ).tokens
        else { return (row.length, row.supervisedCount) }
        return (batch.ids.count, batch.supervision.count)
    }
}

extension TrainingMethod where Sample == PackedRow, Batch == TokenBatch {
    /// Puts the samples of some rows into one flat run.
    public func collate(
        _ picked: [(index: Int, sample: PackedRow)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> TokenBatch {
        SupervisedCollator(
            quirks: configuration.finetuning.referenceQuirks, sharesPrefixes: sharesPrefixes
        ).batch(rows: picked.map(\.sample), epoch: epoch)
    }
}

/// What methods of pairs do unless they do otherwise.
extension TrainingMethod where Sample == PairwiseSample {
    /// One pair of each row.
    public func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PairwiseSample> {
        let processor = try PairwiseProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        return SampleRecipe(SingleSamples(processor), answerCount: 2) { $0.faults(in: $1, $2) }
    }

    /// Both sequences, their question once where it is shared.
    public func size(
        of sample: PairwiseSample, sharesPrefixes: Bool, _ configuration: RunConfiguration
    ) -> (tokens: Int, supervised: Int) {
        PreferenceCollator(sharesPrefixes: sharesPrefixes).size(of: sample)
    }
}

extension TrainingMethod where Sample == PairwiseSample, Batch == PreferenceBatch {
    /// Pairs of answers behind one question.
    public func collate(
        _ picked: [(index: Int, sample: PairwiseSample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> PreferenceBatch {
        PreferenceCollator(sharesPrefixes: sharesPrefixes).batch(
            picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
    }
}
