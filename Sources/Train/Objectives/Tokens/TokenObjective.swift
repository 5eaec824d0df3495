public import FledgeCore
public import FledgeModel
public import FledgeTensor

/// The weighted mean over supervised tokens of a loss that is fused with the head.
public struct TokenObjective<Term: TokenLoss>: Objective {
    private let loss: Term
    private let reference: (any ReferenceModel)?
    private let measuresAccuracy: Bool

    /// Creates the objective.
    ///
    /// - Parameters:
    ///   - reference: What `LogitRow.divergence` compares with.
    ///   - measuresAccuracy: Whether an evaluation tells the share of right tokens (`accuracy`): that of
    ///     each sample, of which the mean is taken.
    public init(
        _ loss: Term, reference: (any ReferenceModel)? = nil, measuresAccuracy: Bool = false
    ) {
        (self.loss, self.reference) = (loss, reference)
        self.measuresAccuracy = measuresAccuracy
    }

    /// `Σ wᵢ·lossᵢ` and `Σ wᵢ`; in an evaluation the accuracy, where that is asked for.
    public func callAsFunction(
        _ model: some CausalLM, _ batch: TokenBatch, _ pass: ForwardPass
    ) throws -> Loss {
        let reference = try reference?.logits(batch)
        let hidden = model.hiddenStates(batch, pass)
        let supervision = batch.supervision
        guard measuresAccuracy, !pass.isTraining else {
            return Loss(
                sum: headLoss(hidden, head: model.head, supervision, loss, reference: reference),
                weight: supervision.totalWeight)
        }
        var isRight = [Bool](repeating: false, count: supervision.count)
        let sum = isRight.withUnsafeMutableBufferPointer { isRight in
            let isRight = isRight
            return headLoss(hidden, head: model.head, supervision, loss, reference: reference) {
                isRight[$0] = $1.choosesTarget(Int(supervision.targets[$0]))
            }
        }
        return Loss(
            sum: sum, weight: supervision.totalWeight,
            metrics: ["accuracy": Self.accuracy(isRight, of: supervision)])
    }

    /// The mean over samples of the share of their predictions that are right.
    private static func accuracy(_ isRight: [Bool], of supervision: Supervision) -> Metric {
        var shares: [Int32: (right: Int, all: Int)] = [:]
        for (sample, isRight) in zip(supervision.samples, isRight) {
            shares[sample, default: (0, 0)].right += isRight ? 1 : 0
            shares[sample, default: (0, 0)].all += 1
        }
        // In a fixed order, for the same last bits.
        return Metric(
            meanOf: shares.sorted { $0.key < $1.key }.map {
                Double($0.value.right) / Double($0.value.all)
            })
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
    public init(measuresAccuracy: Bool = false) {
        self.init(DynamicLoss(), measuresAccuracy: measuresAccuracy)
    }
}

extension TokenObjective where Term == EntropyAdaptiveLoss {
    /// Creates entropy-adaptive fine-tuning.
    public init(alpha: Double = 1, measuresAccuracy: Bool = false) {
        self.init(EntropyAdaptiveLoss(alpha: alpha), measuresAccuracy: measuresAccuracy)
    }
}

extension TokenObjective where Term == SmoothedLoss {
    /// Creates label smoothing.
    public init(smoothing: Double, measuresAccuracy: Bool = false) {
        self.init(SmoothedLoss(smoothing: smoothing), measuresAccuracy: measuresAccuracy)
    }
}

extension TokenObjective where Term == AnchoredLoss {
    /// Creates anchored fine-tuning.
    ///
    /// - Parameter reference: What the policy is anchored to.
    public init(
        alpha: Double = 0.1, reference: any ReferenceModel, measuresAccuracy: Bool = false
    ) {
        self.init(
            AnchoredLoss(alpha: alpha), reference: reference, measuresAccuracy: measuresAccuracy)
    }
}
