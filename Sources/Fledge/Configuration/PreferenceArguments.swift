public import FledgeTensor
internal import FledgeTrain

/// Learning from preferences, and what a policy is held against.
public struct PreferenceArguments: Hashable, Sendable {
    /// The loss of pairs (`pref_loss`).
    public var loss: String
    /// What log-ratios are multiplied by (`pref_beta`).
    public var beta: Double
    /// How much the better answer's cross-entropy counts beside the loss (`pref_ftx`).
    public var supervisedWeight: Double
    /// How much a classifier of answers counts beside the loss (`pref_bco_weight`).
    public var classifierWeight: Double
    /// The share of pairs that are taken to be the wrong way round (`dpo_label_smoothing`).
    public var labelSmoothing: Double
    /// The margin of simpo (`simpo_gamma`).
    public var gamma: Double
    /// How much tokens behind the shorter answer of a pair count (`ld_alpha`); nil for as much as others.
    public var lengthWeight: Double?
    /// How much good answers count in kto (`kto_chosen_weight`).
    public var desirableWeight: Double
    /// How much bad answers count in kto (`kto_rejected_weight`).
    public var undesirableWeight: Double
    /// The model that the policy is held against (`ref_model`).
    public var referenceModel: String?
    /// Adapters that are merged into it (`ref_model_adapters`).
    public var referenceAdapters: [String]
    /// What its linear layers are quantised to (`ref_model_quantization_bit`); nil for nothing.
    public var referenceQuantization: QuantizedFormat?
    /// Which policy is the reference (`ref_policy`).
    public var referencePolicy: Reference

    /// Whether the reference is asked once, before the first step (`precompute_ref_log_probs`).
    public var precomputesReference: Bool

    /// Which policy another one is held against.
    public enum Reference: String, Hashable, Sendable {
        /// As the reference decides: a model that is named, else the model without its adapter, else a
        /// copy of the start.
        case automatic = "auto"
        /// The model without its adapter.
        case base
        /// The policy as it is before the first step.
        case start
        /// The model that `ref_model` names.
        case model
    }

    init(_ values: OptionValues) {
        loss = values.text("pref_loss")
        beta = values.number("pref_beta")
        supervisedWeight = values.number("pref_ftx")
        classifierWeight = values.number("pref_bco_weight")
        labelSmoothing = values.number("dpo_label_smoothing")
        gamma = values.number("simpo_gamma")
        lengthWeight = values.optionalNumber("ld_alpha")
        desirableWeight = values.number("kto_chosen_weight")
        undesirableWeight = values.number("kto_rejected_weight")
        referenceModel = values.optionalText("ref_model")
        referenceAdapters = values.list("ref_model_adapters")
        referenceQuantization = ModelArguments.quantization("ref_model_quantization_bit", values)
        referencePolicy = values.word("ref_policy")
        precomputesReference = values.flag("precompute_ref_log_probs")
    }

    /// The constants that losses of pairs are made with.
    var settings: PreferenceSettings {
        PreferenceSettings(beta: beta, labelSmoothing: labelSmoothing, gamma: gamma)
    }
}

extension RunOption {
    private static let ofPairs = Condition.read(.pairs)
    private static let ofMarks = Condition.read(.feedback)
    private static let ofBoth = Condition.read(.preferences)

    /// The loss of pairs looks at a reference.
    private static let ofReferredPairs = ofPairs.and(
        .not(
            .value(
                of: "pref_loss",
                NamedPreferenceLoss.standard.filter(\.isWithoutReference).map(\.name))))
    private static let ofReferredAnswers = ofReferredPairs.or(.read(.references))
    private static let ofReferences = ofReferredAnswers.or(
        Condition.read(.tokenLosses).and("use_asft_loss", "true")
    ).or(.read(.proximal)).or(
        Condition.read(.ratios).and("beta").and(.without("beta", "0")))
    /// The reference is a model that is named.
    private static let ofReferenceModel = Condition.with("ref_policy", "auto", "model").and(
        ofReferences)
    private static let withReferenceModel = Condition.with("ref_model").and(ofReferenceModel)
    /// So many bits, of the base or of a reference of its own.
    static let ofFourBits = Condition.with("quantization_bit", "4").or(
        withReferenceModel.and("ref_model_quantization_bit", "4")
    ).or(
        Condition.with("reward_model_quantization_bit", "4").and("reward_model_type", "full").and(
            .read(.rewards))
    ).or(Condition.with("teacher_model_quantization_bit", "4").and(.read(.teacher)))

    /// The keys of preferences.
    static let preference: [RunOption] = [
        RunOption(
            "pref_loss", .choice(NamedPreferenceLoss.standard.map(\.name)), "sigmoid", .effective,
            matters: ofPairs,
            "The loss of a pair of answers; orpo and simpo need no reference."),
        RunOption(
            "pref_beta", .number(.above(0)), 0.1, .effective, matters: ofBoth,
            "What log-ratios to the reference are multiplied by: how near the policy stays to it."),
        RunOption(
            "pref_ftx", .number(.atLeast(0)), 0.0, .effective, matters: ofBoth,
            "How much the cross-entropy of the better answer is added to the loss."),
        RunOption(
            "pref_bco_weight", .number(.atLeast(0)), 0.0, .effective, matters: ofReferredPairs,
            "How much a classifier of single answers (BCO) counts beside the loss."),
        RunOption(
            "dpo_label_smoothing", .number(.fraction), 0.0, .effective, matters: ofPairs,
            "The share of pairs taken to be the wrong way round, for sigmoid, robust and exo_pair."),
        RunOption(
            "simpo_gamma", .number(), 0.5, .effective, matters: ofPairs.and("pref_loss", "simpo"),
            "The margin by which simpo wants the better answer to win."),
        RunOption(
            "ld_alpha", .number(.atLeast(0)), nil, .effective, matters: ofPairs,
            "How much tokens behind the shorter answer of a pair count; as much as others when null."
        ),
        RunOption(
            "kto_chosen_weight", .number(.atLeast(0)), 1.0, .effective, matters: ofMarks,
            "How much answers count that were found good."),
        RunOption(
            "kto_rejected_weight", .number(.atLeast(0)), 1.0, .effective, matters: ofMarks,
            "How much answers count that were found bad."),
        RunOption(
            "ref_model", .text, nil, .effective, matters: ofReferenceModel,
            "The model that the policy is held against; see ref_policy for what is taken without it."
        ),
        RunOption(
            "ref_model_adapters", .list, [], .effective, matters: withReferenceModel,
            "Adapters that are merged into ref_model."),
        RunOption(
            "ref_model_quantization_bit", .integer(), nil, .effective, matters: withReferenceModel,
            "Quantises ref_model: 4 or 8."),
        RunOption(
            "precompute_ref_log_probs", .flag, false, .effective, matters: ofReferredAnswers,
            "Asks the reference once before the first step and keeps its answers for other runs; a reference model of its own takes no memory while training."
        ),
        RunOption(
            "ref_policy", .choice(["auto", "base", "start", "model"]), "auto", .effective,
            matters: ofReferences,
            "What the policy is held against: base, the model without its adapter; start, the policy before the first step; model, that of ref_model. auto: ref_model where there is one, else base for LoRA, else start."
        ),
    ]
}

extension NamedPreferenceLoss {
    /// Whether the loss looks at no reference.
    fileprivate var isWithoutReference: Bool {
        (try? make(PreferenceSettings()))?.usesReference == false
    }
}
