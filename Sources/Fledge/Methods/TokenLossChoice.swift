internal import FledgeCore
internal import FledgeModel
internal import FledgeTensor
internal import FledgeTrain

/// Which loss of single tokens a run minimises (reference: 05 §5, where the first that is asked for
/// counts).
struct TokenLossChoice {
    private let configuration: RunConfiguration
    private let loss: TokenLossArguments.Loss
    private let measuresAccuracy: Bool

    /// - Parameters:
    ///   - loss: The loss; the one that the configuration asks for when left out.
    ///   - measuresAccuracy: Whether evaluations tell the share of right tokens.
    init(
        _ configuration: RunConfiguration, loss: TokenLossArguments.Loss? = nil,
        measuresAccuracy: Bool = false
    ) {
        (self.configuration, self.measuresAccuracy) = (configuration, measuresAccuracy)
        self.loss = loss ?? configuration.tokenLoss.loss
    }

    private var options: TokenLossArguments { configuration.tokenLoss }
    private var quirks: ReferenceQuirks { configuration.finetuning.referenceQuirks }

    /// Whether the reference forgets to divide this loss by the accumulation, and shall be equalled.
    private var isUndivided: Bool {
        let accumulates = configuration.training.gradientAccumulationSteps > 1
        switch loss {
        case .anchored: return accumulates && quirks.contains(.asftNotDivided)
        case .crossEntropy where options.smoothing > 0:
            return accumulates && quirks.contains(.smoothingNotDivided)
        default: return false
        }
    }

    /// Whether micro-batches may be put together.
    var merges: Bool { !isUndivided }

    /// What is trained, and how.
    ///
    /// - Throws: ``FledgeError`` when a reference that the loss needs is missing or does not fit.
    func parts(_ side: ModelSide) throws -> TrainingParts<TokenBatch> {
        switch loss {
        case .dynamic: parts(side, DynamicFineTuning(measuresAccuracy: measuresAccuracy))
        case .entropyAdaptive:
            parts(
                side,
                EntropyAdaptiveFineTuning(
                    alpha: options.entropyExponent, measuresAccuracy: measuresAccuracy))
        case .anchored: try anchored(side)
        case .crossEntropy where options.smoothing > 0:
            parts(
                side,
                SmoothedCrossEntropy(
                    smoothing: options.smoothing, measuresAccuracy: measuresAccuracy))
        case .crossEntropy where measuresAccuracy:
            parts(side, TokenObjective(CrossEntropyLoss(), measuresAccuracy: true))
        case .crossEntropy: parts(side, TokenCrossEntropy())
        }
    }

    private func anchored(_ side: ModelSide) throws -> TrainingParts<TokenBatch> {
        let reference = try ReferenceChoice(side, configuration)
        return parts(
            side,
            AnchoredFineTuning(
                alpha: options.anchorWeight,
                // Beside itself the policy diverges from nothing.
                reference: reference.policy ?? ModelReference(side.model),
                measuresAccuracy: measuresAccuracy),
            companions: [reference.companion].compactMap(\.self), notes: reference.notes)
    }

    private func parts(
        _ side: ModelSide, _ objective: some Objective<TokenBatch>, companions: [any CausalLM] = [],
        notes: [String] = []
    ) -> TrainingParts<TokenBatch> {
        let training = configuration.training
        guard isUndivided else {
            return TrainingParts(
                side, objective, seed: training.seed, companions: companions,
                embeddingNoise: options.embeddingNoise,
                shiftsAttention: configuration.model.shiftsAttention, notes: notes)
        }
        return TrainingParts(
            side,
            UndividedMeans(objective, accumulation: training.gradientAccumulationSteps),
            seed: training.seed, companions: companions, embeddingNoise: options.embeddingNoise,
            shiftsAttention: configuration.model.shiftsAttention, notes: notes)
    }
}
