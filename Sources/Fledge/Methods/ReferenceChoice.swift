internal import FledgeAdapters
internal import FledgeCore
internal import FledgeData
internal import FledgeModel
internal import FledgeTrain

/// Which policy another one is held against (reference: 05 §7.3), with sentences that say so.
struct ReferenceChoice {
    /// The reference; nil where the policy itself stands for it.
    let policy: (any ReferenceModel)?
    /// A model of its own that the reference holds.
    let companion: DecoderLM?
    /// What the user should know.
    let notes: [String]

    /// The reference that objectives ask, and what has to be computed before: where scores are kept, the
    /// model behind them is asked once.
    func kept<Batch: TokenizedBatch>(
        _ configuration: RunConfiguration, answers: @escaping (Batch) -> AnswerBatch
    ) -> (policy: (any ReferencePolicy)?, preparation: TrainingParts<Batch>.Preparation?) {
        guard configuration.preference.precomputesReference, let policy else {
            return (policy, nil)
        }
        let table = ReferencePreparation(policy)
        return (
            table.reference,
            { try table.prepare($0, $1, $2, answers: answers) }
        )
    }

    private init(_ policy: (any ReferenceModel)?, _ notes: String...) {
        (self.policy, companion, self.notes) = (policy, nil, notes)
    }

    private init(
        _ model: DecoderLM, below trunk: FrozenTrunk<DecoderLM>? = nil, _ notes: String...
    ) {
        let shared = trunk?.shared(with: model)
        policy = shared.map { ModelReference($0) } ?? ModelReference(model)
        (companion, self.notes) = (model, notes)
    }

    /// The policy with its adapters off, none of which lies in a trunk.
    private static func withoutAdapters(_ side: ModelSide) -> PolicyWithoutAdapters {
        let shared = side.trunk?.shared(with: side.model)
        return shared.map { PolicyWithoutAdapters($0) } ?? PolicyWithoutAdapters(side.model)
    }

    /// Chooses and loads the reference of a run.
    ///
    /// - Throws: ``FledgeError`` when what `ref_policy` asks for is not there or does not fit.
    init(_ side: ModelSide, _ configuration: RunConfiguration) throws {
        let options = configuration.preference
        let choice = options.referencePolicy
        if let path = options.referenceModel, choice == .automatic || choice == .model {
            let model = try Self.load(
                path, adapters: options.referenceAdapters,
                linears: options.referenceQuantization.map { .quantized($0) } ?? .plain,
                configuration)
            try Self.requireVocabulary(of: side.model, in: model, path)
            self.init(model, "The reference is the model \(path).")
            return
        }
        guard choice != .model else {
            throw FledgeError(
                .configuration, "ref_policy is model, but there is no ref_model.",
                advice: "Name one, or take base or start.")
        }
        guard configuration.training.trains else {
            self.init(
                nil, "Nothing is trained and no ref_model is named: the model is its own reference."
            )
            return
        }
        let continued = side.continuedAdapter
        switch (choice, side.adapters != nil) {
        case (.start, true) where continued != nil:
            let model = try Self.load(
                configuration.requiredModelPath(), adapters: configuration.adapterFolders,
                linears: configuration.model.linearStorage, configuration)
            self.init(
                model, "The reference is a copy of the start, with the adapter as it is there.")
        case (.automatic, true) where continued != nil:
            self.init(
                Self.withoutAdapters(side),
                "Warning: the adapter \(continued ?? "") goes on, but the reference is the model without it, as in LLaMA-Factory; ref_policy: start takes the model with it, ref_policy: base says that this is meant."
            )
        case (_, true):
            // A new adapter changes nothing before the first step.
            self.init(
                Self.withoutAdapters(side), "The reference is the model without the adapter.")
        case (_, false):
            let model = try Self.load(
                configuration.requiredModelPath(), adapters: [],
                linears: configuration.model.linearStorage, configuration)
            // The copy differs in what is trained alone.
            self.init(
                model, below: side.trunk,
                "The reference is a copy of the model as it is before the first step.")
        }
    }

    private static func requireVocabulary(
        of policy: DecoderLM, in reference: DecoderLM, _ path: String
    ) throws {
        let (ours, theirs) = (
            policy.configuration.vocabularySize, reference.configuration.vocabularySize
        )
        guard ours == theirs else {
            throw FledgeError(
                .mismatch, "ref_model has vectors for \(theirs) tokens, the policy for \(ours).",
                advice: "Name a model with the policy's tokenizer.", at: .init(file: path))
        }
    }

    /// A model that nothing trains, its adapters merged; those of a model in blocks stay beside it.
    private static func load(
        _ path: String, adapters: [String], linears: LinearStorage,
        _ configuration: RunConfiguration
    ) throws -> DecoderLM {
        let model = try Checkpoint(path: path).causalLM(
            storing: configuration.trainingType, linears: linears)
        for folder in adapters {
            let set = try model.attachAdapter(folder: folder)
            if model.quantizedMatrices.isEmpty { set.merge() }
        }
        for parameter in model.parameters { parameter.isTrainable = false }
        return model
    }
}
