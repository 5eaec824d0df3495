internal import FledgeCore
internal import FledgeData
internal import FledgeModel
internal import FledgeTrain

/// Which policy another one is held against (reference: 05 §7.3), with sentences that say so.
struct ReferenceChoice {
    /// The reference; nil where the policy itself stands for it.
    let policy: (any ReferenceModel)?
    /// A model of its own that the reference holds.
    let companion: (any CausalLM)?
    /// What the user should know.
    let notes: [String]
    /// What the reference computes with; nil where there is none.
    private let content: ReferenceContent?

    /// The reference that objectives ask, and what has to be computed before: where scores are kept, the
    /// model behind them is asked once.
    func kept<Batch: TokenizedBatch>(
        _ configuration: RunConfiguration, answers: @escaping (Batch) -> AnswerBatch
    ) -> (policy: (any ReferencePolicy)?, preparation: TrainingParts<Batch>.Preparation?) {
        guard configuration.preference.precomputesReference, let policy, let content else {
            return (policy, nil)
        }
        let table = ReferencePreparation(policy)
        return (
            table.reference,
            { coming in
                let digest = ContentDigest.of(texts: [coming.digest, try content.digest()])
                try table.prepare(coming, digest, answers: answers)
            }
        )
    }

    private init(
        _ policy: (any ReferenceModel)?, of content: ReferenceContent?, _ notes: String...
    ) {
        (self.policy, companion, self.content, self.notes) = (policy, nil, content, notes)
    }

    /// A model of its own.
    private init(
        loading content: ReferenceContent, below trunk: FrozenTrunk? = nil,
        _ notes: String...
    ) throws {
        let model = try content.load()
        let shared = (model as? any DivisibleLM).flatMap { trunk?.shared(with: $0) }
        policy = shared.map { ModelReference($0) } ?? ModelReference(model)
        (companion, self.content, self.notes) = (model, content, notes)
    }

    /// The policy with its adapters off, none of which lies in a trunk.
    private static func withoutAdapters(_ side: ModelSide) -> PolicyWithoutAdapters {
        let shared = side.trunk.map { $0.shared(with: $0.model) }
        return shared.map { PolicyWithoutAdapters($0) } ?? PolicyWithoutAdapters(side.model)
    }

    /// Chooses and loads the reference of a run.
    ///
    /// - Throws: ``FledgeError`` when what `ref_policy` asks for is not there or does not fit.
    init(_ side: ModelSide, _ configuration: RunConfiguration) throws {
        let choice = configuration.preference.referencePolicy
        if choice == .automatic || choice == .model,
            let named = configuration.preference.referenceModel
        {
            try self.init(named: named, side, configuration)
            return
        }
        guard choice != .model else {
            throw FledgeError(
                .configuration, "ref_policy is model, but there is no ref_model.",
                advice: "Name one, or take base or start.")
        }
        let (trains, continued) = (configuration.training.trains, side.continuedAdapter)
        // The policy as it was loaded: the adapter that goes on is no part of the base.
        var base = ReferenceContent(
            model: try configuration.requiredModelPath(), merged: configuration.adapterFolders,
            linears: configuration.model.linearStorage, type: configuration.trainingType,
            families: configuration.families, stretch: configuration.trainingStretch)
        if continued != nil { base.merged.removeLast() }
        var start = base
        start.attached = [continued].compactMap(\.self)
        switch (choice, side.adapters != nil) {
        case (.automatic, _) where !trains:
            self.init(
                nil, of: nil,
                "Nothing is trained and no ref_model is named: the model is its own reference.")
        case (.start, _) where !trains, (.base, false) where !trains:
            self.init(
                ModelReference(side.model), of: start,
                "The reference is the model itself: nothing is trained.")
        case (.start, true) where continued != nil:
            // The adapter is beside the weights as the policy has it, so that both begin with the same
            // bits.
            try self.init(
                loading: start,
                "The reference is a copy of the start, with the adapter as it is there.")
        case (.automatic, true) where continued != nil:
            self.init(
                Self.withoutAdapters(side), of: base,
                "Warning: the adapter \(continued ?? "") goes on, but the reference is the model without it, as in LLaMA-Factory; ref_policy: start takes the model with it, ref_policy: base says that this is meant."
            )
        case (_, true):
            // A new adapter changes nothing before the first step.
            self.init(
                Self.withoutAdapters(side), of: base,
                "The reference is the model without the adapter.")
        case (_, false):
            // The copy differs in what is trained alone.
            try self.init(
                loading: base, below: side.trunk,
                "The reference is a copy of the model as it is before the first step.")
        }
    }

    /// The model that `ref_model` names.
    private init(named: String, _ side: ModelSide, _ configuration: RunConfiguration) throws {
        let linears = configuration.preference.referenceQuantization
        try self.init(
            loading: ReferenceContent(
                model: try configuration.referenceModelPath() ?? named,
                merged: configuration.referenceAdapterFolders,
                linears: linears.map { .quantized($0) } ?? .plain,
                type: configuration.trainingType,
                families: configuration.families, stretch: configuration.trainingStretch),
            "The reference is the model \(named).")
        let theirs = companion?.configuration.vocabularySize
        let ours = side.model.configuration.vocabularySize
        guard theirs == ours else {
            throw FledgeError(
                .mismatch,
                "ref_model has vectors for \(theirs ?? 0) tokens, the policy for \(ours).",
                advice: "Name a model with the policy's tokenizer.", at: .init(file: named))
        }
    }
}
