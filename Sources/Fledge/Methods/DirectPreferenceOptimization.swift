internal import FledgeCore
public import FledgeData
public import FledgeTrain

/// Direct preference optimization and its kin (`stage: dpo`; reference: 05 §7).
public struct DirectPreferenceOptimization: TrainingMethod {
    /// Pairs of answers.
    public typealias Sample = PairwiseSample

    private let losses: [NamedPreferenceLoss]

    /// Creates the method.
    ///
    /// - Parameter losses: What `pref_loss` can name.
    public init(losses: [NamedPreferenceLoss] = NamedPreferenceLoss.standard) {
        self.losses = losses
    }

    /// `dpo`.
    public var name: String { "dpo" }

    /// The loss of pairs and its reference.
    public var reads: Set<KeyGroup> { [.preferences, .pairs] }

    /// Pairs of answers.
    public var rows: RowTraits { RowTraits(isRanking: true, learnsLastAnswer: true) }

    /// The share of pairs in the right order.
    public var plotted: [String] { ["rewards/accuracies"] }

    /// In the reference the metrics of every batch count equally.
    public var referenceMetricMean: EvaluationMean { .ofBatches }

    /// False where the loss looks at means of a batch.
    public func mergesBatches(_ configuration: RunConfiguration) -> Bool {
        // A name that is unknown gets its error where the parts are made.
        guard let loss = try? loss(configuration) else { return true }
        // The classifier looks at rewards, which losses without a reference have none of.
        return !loss.couplesPairs
            && (configuration.preference.classifierWeight == 0 || !loss.usesReference)
    }

    /// The loss that `pref_loss` names.
    private func loss(_ configuration: RunConfiguration) throws -> any PreferenceLoss {
        let options = configuration.preference
        let isIgnored = configuration.finetuning.referenceQuirks.contains(.preferenceLossIgnored)
        let known = isIgnored ? NamedPreferenceLoss.ofTheReference : losses
        guard let named = known.first(where: { $0.name == options.loss }) else {
            throw FledgeError(
                .configuration, "There is no pref_loss \(options.loss).",
                advice: "There are \(known.map(\.name).listed).")
        }
        return try named.make(options.settings)
    }

    /// Trains the policy by the loss that `pref_loss` names, held against the reference.
    public func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<PreferenceBatch> {
        let options = configuration.preference
        let loss = try loss(configuration)
        let reference = try loss.usesReference ? ReferenceChoice(side, configuration) : nil
        let kept = reference?.kept(configuration) { (batch: PreferenceBatch) in batch.answers }
        func parts(_ loss: some PreferenceLoss) -> TrainingParts<PreferenceBatch> {
            TrainingParts(
                side,
                PreferenceOptimization(
                    loss: loss, reference: kept?.policy,
                    options: .init(
                        supervisedWeight: options.supervisedWeight,
                        classifierWeight: options.classifierWeight,
                        lengthWeight: options.lengthWeight)),
                seed: configuration.training.seed,
                companions: [reference?.companion].compactMap(\.self), usesDropout: false,
                notes: reference?.notes ?? ["pref_loss: \(options.loss) needs no reference."],
                preparation: kept?.preparation)
        }
        return parts(loss)
    }
}
