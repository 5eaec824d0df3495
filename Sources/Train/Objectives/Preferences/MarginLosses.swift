import FledgeTensor
import Foundation

/// −(1−ε)·ln σ(βΔ) − ε·ln σ(−βΔ) (DPO, Rafailov et al. 2023).
public struct SigmoidPreference: MarginPreferenceLoss {
    /// What margins are multiplied by.
    public let beta: Double
    /// The probability that a pair is the wrong way round.
    public let labelSmoothing: Double
    /// Whether log-probabilities are means, as the reference has it where it means to use `ipo`.
    public let averages: Bool

    /// Creates the loss.
    public init(beta: Double = 0.1, labelSmoothing: Double = 0, averages: Bool = false) {
        (self.beta, self.labelSmoothing, self.averages) = (beta, labelSmoothing, averages)
    }

    /// The loss at a margin.
    public func loss(_ margin: Double) -> (value: Double, derivative: Double) {
        let x = beta * margin
        return (
            -(1 - labelSmoothing) * logSigmoid(x) - labelSmoothing * logSigmoid(-x),
            beta * (labelSmoothing * sigmoid(x) - (1 - labelSmoothing) * sigmoid(-x))
        )
    }
}

/// max(0, 1 − βΔ) (SLiC, Zhao et al. 2023).
public struct HingePreference: MarginPreferenceLoss {
    /// What margins are multiplied by.
    public let beta: Double

    /// Creates the loss.
    public init(beta: Double = 0.1) { self.beta = beta }

    /// The loss at a margin.
    public func loss(_ margin: Double) -> (value: Double, derivative: Double) {
        beta * margin < 1 ? (1 - beta * margin, -beta) : (0, 0)
    }
}

/// (Δ − 1/(2β))² on means over tokens (IPO, Azar et al. 2023).
public struct IdentityPreference: MarginPreferenceLoss {
    /// The strength of the pull to the reference.
    public let beta: Double

    /// Creates the loss.
    public init(beta: Double = 0.1) { self.beta = beta }

    /// Log-probabilities are means over tokens.
    public var averages: Bool { true }

    /// The loss at a margin.
    public func loss(_ margin: Double) -> (value: Double, derivative: Double) {
        let distance = margin - 1 / (2 * beta)
        return (distance * distance, 2 * distance)
    }
}

/// (−(1−ε)·ln σ(βΔ) + ε·ln σ(−βΔ)) / (1−2ε): without bias where a share ε of the pairs is the wrong
/// way round (Chowdhury et al. 2024).
public struct RobustPreference: MarginPreferenceLoss {
    /// What margins are multiplied by.
    public let beta: Double
    /// The share of pairs that is the wrong way round, less than a half.
    public let labelSmoothing: Double

    /// Creates the loss.
    public init(beta: Double = 0.1, labelSmoothing: Double = 0) {
        precondition(labelSmoothing < 0.5, "RobustPreference: label smoothing \(labelSmoothing)")
        (self.beta, self.labelSmoothing) = (beta, labelSmoothing)
    }

    /// The loss at a margin.
    public func loss(_ margin: Double) -> (value: Double, derivative: Double) {
        let (x, share) = (beta * margin, 1 - 2 * labelSmoothing)
        return (
            (-(1 - labelSmoothing) * logSigmoid(x) + labelSmoothing * logSigmoid(-x)) / share,
            -beta * ((1 - labelSmoothing) * sigmoid(-x) + labelSmoothing * sigmoid(x)) / share
        )
    }
}

/// The divergence of the policy's preference from one of 1−ε (EXO, Ji et al. 2024, equation 16).
public struct ExactPreference: MarginPreferenceLoss {
    /// What margins are multiplied by.
    public let beta: Double
    /// How far the wanted preference is from certain; 0 counts as 0.001, for a certain one is infinitely
    /// far.
    public let labelSmoothing: Double

    /// Creates the loss.
    public init(beta: Double = 0.1, labelSmoothing: Double = 0) {
        (self.beta, self.labelSmoothing) = (beta, labelSmoothing == 0 ? 1e-3 : labelSmoothing)
    }

    /// The loss at a margin.
    public func loss(_ margin: Double) -> (value: Double, derivative: Double) {
        let x = beta * margin
        let (right, wrong) = (sigmoid(x), sigmoid(-x))
        return (
            right * (logSigmoid(x) - log(1 - labelSmoothing))
                + wrong * (logSigmoid(-x) - log(labelSmoothing)),
            beta * right * wrong * (x - log((1 - labelSmoothing) / labelSmoothing))
        )
    }
}

/// A blend of logistic and exponential loss that was found by search (DiscoPOP, Lu et al. 2024).
public struct DiscoveredPreference: MarginPreferenceLoss {
    /// What margins are multiplied by.
    public let beta: Double
    /// How fast the blend changes.
    public let temperature: Double

    /// Creates the loss.
    public init(beta: Double = 0.1, temperature: Double = 0.05) {
        (self.beta, self.temperature) = (beta, temperature)
    }

    /// The loss at a margin.
    public func loss(_ margin: Double) -> (value: Double, derivative: Double) {
        let x = beta * margin
        let blend = sigmoid(x / temperature)
        let steepness = blend * sigmoid(-x / temperature) / temperature
        let (logistic, exponential) = (-logSigmoid(x), exp(-x))
        return (
            logistic * (1 - blend) + exponential * blend,
            beta
                * (-sigmoid(-x) * (1 - blend) - exponential * blend
                    + (exponential - logistic) * steepness)
        )
    }
}
