public import FledgeCore
public import FledgeData
internal import FledgeModel
public import FledgeTrain

/// Supervised fine-tuning (`stage: sft`): the answers of dialogues are learned (reference: 05 §5).
public struct SupervisedFineTuning: TrainingMethod {
    /// Creates the method.
    public init() {}

    /// `sft`.
    public var name: String { "sft" }

    /// What is learned of dialogues, by which loss, and what is predicted.
    public var reads: Set<KeyGroup> {
        [.dialogues, .crossEntropy, .dropout, .tokenLosses, .accuracy, .generation, .predictions]
    }

    /// Dialogues.
    public var rows: RowTraits { RowTraits(packs: true) }

    /// The share of right tokens.
    public var plotted: [String] { ["eval_accuracy"] }

    /// In the reference every batch counts equally.
    public var referenceEvaluationMean: EvaluationMean { .ofBatches }

    /// Dialogues, packed where that is asked for.
    public func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PackedRow> {
        let (options, capacity) = (configuration.data, configuration.cutoffLength)
        let packs = configuration.packs
        let processor = try SupervisedProcessor(
            tokenizer: text.tokenizer, template: text.template, cutoffLength: capacity,
            masksHistory: options.masksHistory, trainsOnPrompt: options.trainsOnPrompt,
            quirks: configuration.dataQuirks)
        let packing = Packing(capacity: capacity, batchSize: options.preprocessingBatchSize)
        var recipe = SampleRecipe(
            packs ? JoinedSamples(processor, by: packing) : SingleSamples(processor),
            packedLength: packs ? capacity + 1 : nil, answerCount: 1,
            learnsQuestions: options.trainsOnPrompt
        ) { $0.faults(in: $1.flatMap(\.samples), $2) }
        if configuration.training.predictsWithGeneration {
            recipe.evaluationArrangement = SingleSamples(try PromptRows(configuration, text))
        }
        return recipe
    }

    /// Puts the samples of some rows into one flat run; packed ones see those before them where the
    /// reference is to be equalled.
    public func collate(
        _ picked: [(index: Int, sample: PackedRow)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> TokenBatch {
        let rows = picked.map(\.sample)
        let quirks = configuration.finetuning.referenceQuirks
        guard !configuration.leaksPackedRows else {
            return SupervisedCollator(quirks: quirks).leakingBatch(rows, epoch: epoch)
        }
        return SupervisedCollator(
            quirks: quirks, sharesPrefixes: sharesPrefixes,
            joinsPredictions: !configuration.finetuning.measuresAccuracy
        ).batch(rows: rows, epoch: epoch)
    }

    /// Generates answers (`predict_with_generate`).
    public func predictor(
        _ parts: TrainingParts<TokenBatch>, _ side: ModelSide, _ text: TextSide,
        _ configuration: RunConfiguration
    ) -> Predictor<TokenBatch>? {
        guard configuration.training.predictsWithGeneration else { return nil }
        let generation = AnswerGeneration(side.model, text, configuration)
        return Predictor(
            isEvaluation: true, generatedTokens: generation.options.maxNewTokens,
            predict: generation.predict)
    }

    /// A question that leaves no room for an answer.
    public func excess(
        _ evaluations: [PackedRow], _ side: ModelSide, _ configuration: RunConfiguration
    ) -> FledgeError? {
        guard configuration.training.predictsWithGeneration else { return nil }
        return PromptRows.excess(evaluations, over: side.model.configuration.contextLength)
    }

    /// False where a loss of the reference depends on how micro-batches are cut.
    public func mergesBatches(_ configuration: RunConfiguration) -> Bool {
        TokenLossChoice(configuration).merges
    }

    /// Trains by the loss of tokens that the configuration asks for.
    public func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<TokenBatch> {
        try TokenLossChoice(
            configuration, measuresAccuracy: configuration.finetuning.measuresAccuracy
        ).parts(side)
    }
}

extension RunConfiguration {
    /// Whether packed samples see those before them.
    fileprivate var leaksPackedRows: Bool {
        data.packing == true && !data.neatPacking
            && finetuning.referenceQuirks.contains(.packingAttention)
    }
}
