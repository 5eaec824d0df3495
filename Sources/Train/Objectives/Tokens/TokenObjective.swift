public import FledgeCore
public import FledgeModel
public import FledgeTensor

/// The weighted mean over supervised tokens of a loss that is fused with the head.
public struct TokenObjective<Term: TokenLoss>: Objective {
    private let loss: Term
    private let reference: (any ReferenceModel)?

    /// Creates the objective.
    ///
    /// - Parameter reference: What `LogitRow.divergence` compares with.
    public init(_ loss: Term, reference: (any ReferenceModel)? = nil) {
        (self.loss, self.reference) = (loss, reference)
    }

    /// `Σ wᵢ·lossᵢ` and `Σ wᵢ`.
    public func callAsFunction(
        _ model: some CausalLM, _ batch: TokenBatch, _ pass: ForwardPass
    ) throws -> Loss {
        let reference = try reference?.logits(batch)
        let hidden = model.hiddenStates(batch, pass)
        return Loss(
            sum: headLoss(
                hidden, head: model.head, batch.supervision, loss, reference: reference),
            weight: batch.supervision.totalWeight)
    }
}

/// Dynamic fine-tuning (`use_dft_loss`): the cross-entropy times the target's probability.
public typealias DynamicFineTuning = TokenObjective<DynamicLoss>

/// Entropy-adaptive fine-tuning (`use_eaft_loss`): the cross-entropy times a power of the entropy.
public typealias EntropyAdaptiveFineTuning = TokenObjective<EntropyAdaptiveLoss>

/// Label smoothing (`label_smoothing_factor`).
public typealias SmoothedCrossEntropy = TokenObjective<SmoothedLoss>

/// Anchored fine-tuning (`use_asft_loss`): dynamic fine-tuning with the divergence from a reference.
public typealias AnchoredFineTuning = TokenObjective<AnchoredLoss>

extension TokenObjective where Term == DynamicLoss {
    /// Creates dynamic fine-tuning.
    public init() { self.init(DynamicLoss()) }
}

extension TokenObjective where Term == EntropyAdaptiveLoss {
    /// Creates entropy-adaptive fine-tuning.
    public init(alpha: Double = 1) { self.init(EntropyAdaptiveLoss(alpha: alpha)) }
}

extension TokenObjective where Term == SmoothedLoss {
    /// Creates label smoothing.
    public init(smoothing: Double) { self.init(SmoothedLoss(smoothing: smoothing)) }
}

extension TokenObjective where Term == AnchoredLoss {
    /// Creates anchored fine-tuning.
    ///
    /// - Parameter reference: What the policy is anchored to.
    public init(alpha: Double = 0.1, reference: any ReferenceModel) {
        self.init(AnchoredLoss(alpha: alpha), reference: reference)
    }
}
