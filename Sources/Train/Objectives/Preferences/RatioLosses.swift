public import FledgeTensor

/// 1 − σ(βρ_c) + σ(βρ_r) (APO-zero, D'Oosterlinck et al. 2024): better answers up, worse ones down.
public struct AnchoredPreference: PreferenceLoss {
    /// What log-ratios are multiplied by.
    public let beta: Double

    /// Creates the loss.
    public init(beta: Double = 0.1) { self.beta = beta }

    /// The losses of the pairs.
    public func callAsFunction(_ scores: PreferenceScores) -> Tensor {
        sigmoid(scores.chosenRatios * -beta) + sigmoid(scores.rejectedRatios * beta)
    }
}

/// σ(βρ_c) + 1 − σ(βΔ) (APO-down, D'Oosterlinck et al. 2024): both answers down, worse ones more.
public struct LoweringPreference: PreferenceLoss {
    /// What log-ratios are multiplied by.
    public let beta: Double

    /// Creates the loss.
    public init(beta: Double = 0.1) { self.beta = beta }

    /// The losses of the pairs.
    public func callAsFunction(_ scores: PreferenceScores) -> Tensor {
        sigmoid(scores.chosenRatios * beta)
            + sigmoid((scores.chosenRatios - scores.rejectedRatios) * -beta)
    }
}

/// (ρ_c − 1/(2β))² + (ρ_r + 1/(2β))² (SPPO with hard labels, Wu et al. 2024).
public struct SelfPlayPreference: PreferenceLoss {
    /// The strength of the pull to the reference.
    public let beta: Double

    /// Creates the loss.
    public init(beta: Double = 0.1) { self.beta = beta }

    /// The losses of the pairs.
    public func callAsFunction(_ scores: PreferenceScores) -> Tensor {
        squared(scores.chosenRatios, from: 0.5 / beta)
            + squared(scores.rejectedRatios, from: -0.5 / beta)
    }

    private func squared(_ x: Tensor, from center: Double) -> Tensor {
        mapped(x) { (value: ($0 - center) * ($0 - center), derivative: 2 * ($0 - center)) }
    }
}

/// The mean of 1 − σ(β(ρ_c − K_r)) and 1 − σ(β(K_c − ρ_r)) with K the mean ρ of the other side, at
/// least 0 (KTO on pairs, as TRL 0.8 has it).
///
/// K is of the batch, so that unlike with other losses its size matters.
public struct PairedFeedbackPreference: PreferenceLoss {
    /// What log-ratios are multiplied by.
    public let beta: Double

    /// Creates the loss.
    public init(beta: Double = 0.1) { self.beta = beta }

    /// It does.
    public var couplesPairs: Bool { true }

    /// The losses of the pairs.
    public func callAsFunction(_ scores: PreferenceScores) -> Tensor {
        let (chosen, rejected) = (scores.chosenRatios, scores.rejectedRatios)
        let losses =
            sigmoid((chosen - baseline(rejected)) * -beta)
            + sigmoid((baseline(chosen) - rejected) * -beta)
        return losses * 0.5
    }

    /// The mean where it is positive, for every pair.
    private func baseline(_ ratios: Tensor) -> Tensor {
        let count = ratios.count
        let mean =
            segmentSums(ratios, Array(repeating: 0, count: count), count: 1)
            * (1 / Double(max(count, 1)))
        return mapped(mean) { $0 > 0 ? (value: $0, derivative: 1) : (value: 0, derivative: 0) }
            .repeated(count)
    }
}
