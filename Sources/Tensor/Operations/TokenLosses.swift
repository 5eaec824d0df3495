import Foundation

/// ℓ·e^{−ℓ} with the factor held fixed (dynamic fine-tuning, Wu et al. 2025): what is improbable
/// already pulls less.
public struct DynamicLoss: TokenLoss {
    /// Creates the loss.
    public init() {}

    /// The cross-entropy times the target's probability.
    public func slope(of row: LogitRow) -> TokenSlope {
        let probability = exp(-row.crossEntropy)
        return TokenSlope(value: row.crossEntropy * probability, target: probability)
    }
}

/// ℓ·(H/3)^α with the entropy H of the 20 largest logits, held fixed (entropy-adaptive fine-tuning):
/// where the model is sure of something else it learns less.
public struct EntropyAdaptiveLoss: TokenLoss {
    /// Number of logits whose softmax has the entropy.
    public static let candidates = 20
    /// The entropy that counts as 1.
    public static let unit = 3.0

    private let alpha: Double

    /// Creates the loss.
    ///
    /// - Parameter alpha: The exponent.
    public init(alpha: Double = 1) { self.alpha = alpha }

    /// The cross-entropy times a power of the entropy.
    public func slope(of row: LogitRow) -> TokenSlope {
        let logits = row.largest(Self.candidates)
        let top = logits.max() ?? 0
        let logSum = top + log(logits.reduce(0) { $0 + exp($1 - top) })
        let entropy = logits.reduce(0) { $0 - exp($1 - logSum) * ($1 - logSum) }
        // Rounding may put the entropy of a certainty below zero, which has no powers.
        let factor = pow(max(entropy, 0) / Self.unit, alpha)
        return TokenSlope(value: row.crossEntropy * factor, target: factor)
    }
}

/// (1−ε)·ℓ + ε·(mean over the vocabulary of −ln p): label smoothing (Szegedy et al. 2016).
public struct SmoothedLoss: TokenLoss {
    private let smoothing: Double

    /// Creates the loss.
    ///
    /// - Parameter smoothing: ε.
    public init(smoothing: Double) { self.smoothing = smoothing }

    /// Every logit has a share in the gradient.
    public var spreads: Bool { true }

    /// The two cross-entropies by their shares.
    public func slope(of row: LogitRow) -> TokenSlope {
        TokenSlope(
            value: (1 - smoothing) * row.crossEntropy + smoothing * row.meanCrossEntropy,
            target: 1 - smoothing, uniform: smoothing)
    }
}

/// ``DynamicLoss`` + α·KL(q‖p) with the distribution `q` of a reference (anchored supervised
/// fine-tuning).
public struct AnchoredLoss: TokenLoss {
    private let alpha: Double

    /// Creates the loss.
    ///
    /// - Parameter alpha: The factor of the divergence.
    public init(alpha: Double = 0.1) { self.alpha = alpha }

    /// The reference's distribution has a share in the gradient.
    public var spreads: Bool { true }

    /// The dynamic loss and the divergence.
    public func slope(of row: LogitRow) -> TokenSlope {
        var slope = DynamicLoss().slope(of: row)
        slope.value += alpha * row.divergence
        slope.reference = alpha
        return slope
    }
}
