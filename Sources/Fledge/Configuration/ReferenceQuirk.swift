/// A known fault of LLaMA-Factory that can be brought back, to compare numbers with it.
public enum ReferenceQuirk: String, Hashable, Sendable, CaseIterable {
    /// Plain packing lets examples see each other.
    case packingAttention = "packing_attention"
    /// A padding token that is the end token masks every end.
    case padMasksEnd = "pad_masks_eos"
    /// Label smoothing is not divided by the accumulation.
    case smoothingNotDivided = "smoothing_not_divided"
    /// ASFT is not divided by the accumulation.
    case asftNotDivided = "asft_not_divided"
    /// The preference losses hinge, ipo and kto_pair are trained as sigmoid.
    case preferenceLossIgnored = "preference_loss_ignored"
    /// With masked history the ends of earlier turns are trained on.
    case historyEndLabels = "history_eos_labels"
    /// Mismatched pairs of KTO are formed inside each preprocessing batch.
    case ktoMapBatches = "kto_map_batches"
    /// Explicit packing takes one token off the cutoff length.
    case cutoffMinusOne = "cutoff_minus_one"
    /// Evaluation averages batches and not tokens.
    case evaluationBatchMean = "eval_batch_mean"
    /// Some metrics have misleading names.
    case metricNames = "metric_names"
    /// Control strings in a user's text become control tokens.
    case contentSpecials = "content_specials"
    /// Saved modules of tied models come apart.
    case untieSavedModules = "untie_saved_modules"

    /// The quirks that `reference_quirks` names; the words none and all stand for none and all.
    static func set(named names: [String]) -> Set<ReferenceQuirk> {
        if names.contains("all") { return Set(allCases) }
        return Set(names.compactMap(ReferenceQuirk.init(rawValue:)))
    }
}
