public import FledgeData
public import FledgeModel

/// The method of fine-tuning.
public struct FinetuningArguments: Hashable, Sendable {
    /// The name of the method of training (`stage`).
    public var stage: String
    /// Which weights are trained (`finetuning_type`).
    public var method: Method
    /// The rank of adapters (`lora_rank`).
    public var loraRank: Int
    /// The numerator of the adapters' scale (`lora_alpha`; twice the rank when not set).
    public var loraAlpha: Int
    /// Dropout on the adapters' input (`lora_dropout`).
    public var loraDropout: Double
    /// The modules that get adapters; `all` for every linear one but the head (`lora_target`).
    public var loraTargets: [String]
    /// Whether the scale is divided by the root of the rank (`use_rslora`).
    public var usesRankStabilizedScale: Bool
    /// Whether loaded adapters are merged and a new one is trained (`create_new_adapter`).
    public var createsNewAdapter: Bool
    /// What is trained when most of the model is frozen (`freeze_trainable_layers`,
    /// `freeze_trainable_modules`, `freeze_extra_modules`).
    public var freezing: LayerFreezing
    /// Whether what enters the first trained block is computed once and kept
    /// (`cache_frozen_activations`).
    public var cachesFrozenActivations: Bool
    /// Whether blocks are computed again in the backward pass (`recompute`; never with
    /// `disable_gradient_checkpointing`).
    public var recompute: Recompute
    /// Whether training keeps the order of the data (`disable_shuffling`).
    public var disablesShuffling: Bool
    /// Evaluations without improvement before training stops (`early_stopping_steps`).
    public var earlyStoppingEvaluations: Int?
    /// Whether evaluations tell the share of right tokens (`compute_accuracy`).
    public var measuresAccuracy: Bool
    /// The share of channels that a value head drops in training (`value_head_dropout`).
    public var valueHeadDropout: Double
    /// Whether curves are drawn (`plot_loss`).
    public var plotsLoss: Bool
    /// The reference's faults to bring back (`reference_quirks`).
    public var referenceQuirks: ReferenceQuirks

    /// Which weights are trained.
    public enum Method: String, Hashable, Sendable {
        case lora, oft, freeze, full
    }

    /// When activations are computed again in place of being kept.
    public enum Recompute: String, Hashable, Sendable {
        case automatic = "auto"
        case always, never
    }

    /// The defaults.
    public init() { self.init(.defaults) }

    init(_ values: OptionValues) {
        stage = values.text("stage")
        method = values.word("finetuning_type")
        loraRank = values.integer("lora_rank")
        loraAlpha = values.optionalInteger("lora_alpha") ?? 2 * loraRank
        loraDropout = values.number("lora_dropout")
        loraTargets = values.list("lora_target")
        usesRankStabilizedScale = values.flag("use_rslora")
        createsNewAdapter = values.flag("create_new_adapter")
        freezing = LayerFreezing(
            layerCount: values.integer("freeze_trainable_layers"),
            modules: values.list("freeze_trainable_modules"),
            extraModules: values.list("freeze_extra_modules"))
        cachesFrozenActivations = values.flag("cache_frozen_activations")
        recompute =
            values.flag("disable_gradient_checkpointing") ? .never : values.word("recompute")
        disablesShuffling =
            values.flag("disable_shuffling")
            || values.text("train_sampling_strategy") == "sequential"
        earlyStoppingEvaluations = values.optionalInteger("early_stopping_steps")
        measuresAccuracy = values.flag("compute_accuracy")
        valueHeadDropout = values.number("value_head_dropout")
        plotsLoss = values.flag("plot_loss")
        referenceQuirks = ReferenceQuirks(checked: values.list("reference_quirks"))
    }
}
