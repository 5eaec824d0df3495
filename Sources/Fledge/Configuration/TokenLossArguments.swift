/// The loss of single tokens in supervised fine-tuning and pre-training.
public struct TokenLossArguments: Hashable, Sendable {
    /// The loss.
    public var loss: Loss
    /// The power of the entropy in EAFT (`eaft_alpha`).
    public var entropyExponent: Double
    /// How much the divergence from the reference counts in ASFT (`asft_alpha`).
    public var anchorWeight: Double
    /// The share of probability that is spread over the vocabulary (`label_smoothing_factor`).
    public var smoothing: Double
    /// How much noise is added to embeddings in training (`neftune_noise_alpha`); 0 for none.
    public var embeddingNoise: Double

    /// The losses of single tokens.
    public enum Loss: Hashable, Sendable {
        /// Cross-entropy, with label smoothing where that is asked for.
        case crossEntropy
        /// DFT (`use_dft_loss`).
        case dynamic
        /// EAFT (`use_eaft_loss`).
        case entropyAdaptive
        /// ASFT (`use_asft_loss`).
        case anchored
    }

    init(_ values: OptionValues) {
        loss =
            values.flag("use_dft_loss")
            ? .dynamic
            : values.flag("use_eaft_loss")
                ? .entropyAdaptive : values.flag("use_asft_loss") ? .anchored : .crossEntropy
        entropyExponent = values.number("eaft_alpha")
        anchorWeight = values.number("asft_alpha")
        smoothing = values.number("label_smoothing_factor")
        embeddingNoise = values.number("neftune_noise_alpha")
    }
}

extension RunOption {
    /// The keys of losses of single tokens.
    static let tokenLosses: [RunOption] = [
        RunOption(
            "use_dft_loss", .flag, false, .effective, matters: .read(.tokenLosses),
            "Dynamic fine-tuning: a token's loss counts by its probability."),
        RunOption(
            "use_eaft_loss", .flag, false, .effective, matters: .read(.tokenLosses),
            "Entropy-adaptive fine-tuning: a token's loss counts by the entropy of the model there."
        ),
        RunOption(
            "eaft_alpha", .number(.atLeast(0)), 1.0, .effective,
            matters: Condition.read(.tokenLosses).and("use_eaft_loss", "true"),
            "The power of the entropy by which a token's loss counts."),
        RunOption(
            "use_asft_loss", .flag, false, .effective, matters: .read(.tokenLosses),
            "Anchored fine-tuning: dynamic fine-tuning with the divergence from a reference (ref_model, ref_policy)."
        ),
        RunOption(
            "asft_alpha", .number(.atLeast(0)), 0.1, .effective,
            matters: Condition.read(.tokenLosses).and("use_asft_loss", "true"),
            "How much the divergence from the reference counts."),
        RunOption(
            "label_smoothing_factor", .number(.fraction), 0.0, .effective,
            matters: .read(.crossEntropy),
            "The share of probability that is taken from the right token and spread over all."),
        RunOption(
            "neftune_noise_alpha", .number(.atLeast(0)), nil, .effective,
            matters: .read(.crossEntropy),
            "How much uniform noise is added to embeddings in training (NEFTune)."),
    ]
}
