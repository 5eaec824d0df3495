public import FledgeTrain

/// The loss of answers that are compared with others, under TRL's keys.
public struct PolicyLossArguments: Hashable, Sendable {
    /// How tokens become a loss (`loss_type`).
    public var type: LossType
    /// Whether a ratio is a token's or its answer's (`importance_sampling_level`).
    public var ratioLevel: RatioLevel
    /// How far ratios may fall (`epsilon`).
    public var clipLow: Double
    /// How far ratios may rise, or the most that they count for cispo (`epsilon_high`); nil for as far as
    /// they may fall, and 5 for cispo.
    public var clipHigh: Double?
    /// The most that ratios count where the advantage is negative (`delta`); nil for no limit.
    public var clipMost: Double?
    /// The gate of sapo where the advantage is positive (`sapo_temperature_pos`).
    public var positiveGate: Double
    /// The same where it is not (`sapo_temperature_neg`).
    public var negativeGate: Double
    /// The weights of vespo where the advantage is not negative (`vespo_k_pos`, `vespo_lambda_pos`).
    public var positiveShape: GammaWeightedPolicyLoss.Shape
    /// The same where it is (`vespo_k_neg`, `vespo_lambda_neg`).
    public var negativeShape: GammaWeightedPolicyLoss.Shape
    /// Whether the divergence in the loss is weighted by the ratio (`use_bias_correction_kl`).
    public var weighsDivergence: Bool
    /// The part of the tokens, those of the highest entropy, that is learned (`top_entropy_quantile`).
    public var entropyShare: Double
    /// The mean divergence from what was drawn above which bad answers do not count any more
    /// (`off_policy_mask_threshold`); nil for no limit.
    public var offPolicyThreshold: Double?
    /// What tokens weigh that were drawn from another distribution
    /// (`vllm_importance_sampling_correction` and its kin); nil for 1.
    public var correction: CorrectionMode?
    /// The least weight (`vllm_importance_sampling_clip_min`); nil for no limit.
    public var leastCorrection: Double?
    /// The largest weight (`vllm_importance_sampling_clip_max`); nil for no limit.
    public var mostCorrection: Double?

    /// How tokens become a loss.
    public enum LossType: String, Hashable, Sendable, CaseIterable {
        /// The mean over answers of their tokens' means.
        case grpo
        /// The mean over the tokens of a pass, which here is that of the update.
        case bnpo
        /// The sum over tokens by the longest length that answers may have.
        case drGRPO = "dr_grpo"
        /// The mean over the tokens of the update.
        case dapo
        /// The same of ln π, weighted by ratios up to a limit.
        case cispo
        /// The mean over answers of their tokens' means, with a soft gate for a limit.
        case sapo
        /// The mean over answers of their tokens' sums.
        case luspo
        /// The mean over the tokens of ln π, weighted by a function of the answer's ratio.
        case vespo
    }

    /// What a ratio is of.
    public enum RatioLevel: String, Hashable, Sendable {
        /// A token.
        case token
        /// An answer: the geometric mean of its tokens'.
        case sequence
    }

    /// How ratios of learned to drawn probability become weights.
    public enum CorrectionMode: String, Hashable, Sendable, CaseIterable {
        /// A token's, between the limits.
        case tokenTruncate = "token_truncate"
        /// A token's, 0 beyond the limits.
        case tokenMask = "token_mask"
        /// An answer's, between the limits.
        case sequenceTruncate = "sequence_truncate"
        /// An answer's, 0 beyond the limits.
        case sequenceMask = "sequence_mask"
    }

    init(_ values: OptionValues) {
        type = values.word("loss_type")
        ratioLevel = values.word("importance_sampling_level")
        clipLow = values.number("epsilon")
        clipHigh = values.optionalNumber("epsilon_high")
        clipMost = values.optionalNumber("delta")
        positiveGate = values.number("sapo_temperature_pos")
        negativeGate = values.number("sapo_temperature_neg")
        positiveShape = .init(
            power: values.number("vespo_k_pos"), rate: values.number("vespo_lambda_pos"))
        negativeShape = .init(
            power: values.number("vespo_k_neg"), rate: values.number("vespo_lambda_neg"))
        weighsDivergence = values.flag("use_bias_correction_kl")
        entropyShare = values.number("top_entropy_quantile")
        offPolicyThreshold = values.optionalNumber("off_policy_mask_threshold")
        correction =
            values.flag("vllm_importance_sampling_correction")
            ? values.word("vllm_importance_sampling_mode") : nil
        leastCorrection = values.optionalNumber("vllm_importance_sampling_clip_min")
        mostCorrection = values.optionalNumber("vllm_importance_sampling_clip_max")
    }
}

extension PolicyLossArguments {
    /// The loss of an answer's tokens.
    var loss: any PolicyLoss {
        let ratio: ImportanceRatio = ratioLevel == .sequence ? .geometricMean : .token
        switch type {
        case .grpo, .bnpo, .drGRPO, .dapo, .luspo:
            return ClippedPolicyLoss(low: clipLow, high: clipHigh, most: clipMost, ratio: ratio)
        case .cispo: return ClippedWeightPolicyLoss(most: clipHigh ?? 5, ratio: ratio)
        case .sapo:
            return SoftGatedPolicyLoss(
                positive: positiveGate, negative: negativeGate, ratio: ratio)
        case .vespo:
            return GammaWeightedPolicyLoss(positive: positiveShape, negative: negativeShape)
        }
    }

    /// What the sums are divided by.
    ///
    /// - Parameter longest: The most tokens of an answer.
    func reduction(longest: Int) -> LossReduction {
        switch type {
        case .grpo, .sapo: .answers
        case .bnpo, .dapo, .cispo, .vespo: .tokens
        case .drGRPO: .constantLength(longest)
        case .luspo: .sums
        }
    }

    /// What straying costs in the loss.
    func penalty(_ weight: Double) -> KLPenalty {
        let ratio: ImportanceRatio = ratioLevel == .sequence ? .geometricMean : .token
        return KLPenalty(weight, ratio: weighsDivergence ? ratio : nil)
    }

    /// The weights of tokens; nil where all weigh the same.
    var tokenWeights: (any RolloutCorrection)? {
        var parts: [any RolloutCorrection] = []
        switch correction {
        case nil: break
        case .tokenTruncate:
            parts.append(TruncatedCorrection(.token, least: leastCorrection, most: mostCorrection))
        case .sequenceTruncate:
            parts.append(
                TruncatedCorrection(.product, least: leastCorrection, most: mostCorrection))
        case .tokenMask:
            parts.append(MaskedCorrection(.token, least: leastCorrection, most: mostCorrection))
        case .sequenceMask:
            parts.append(MaskedCorrection(.product, least: leastCorrection, most: mostCorrection))
        }
        if let offPolicyThreshold {
            // As in TRL, where what was drawn is known with a correction alone.
            parts.append(
                OffPolicyMask(threshold: offPolicyThreshold, isFromDrawn: correction != nil))
        }
        return parts.count > 1 ? CorrectionProduct(parts) : parts.first
    }
}
