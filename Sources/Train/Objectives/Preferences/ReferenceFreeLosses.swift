public import FledgeTensor
import Foundation

/// −ln σ(β(a_c − a_r) − γ) on means over tokens (SimPO, Meng et al. 2024).
public struct SimplePreference: MarginPreferenceLoss {
    /// What margins are multiplied by.
    public let beta: Double
    /// How far apart the rewards should be.
    public let gamma: Double

    /// Creates the loss.
    public init(beta: Double = 2, gamma: Double = 0.5) { (self.beta, self.gamma) = (beta, gamma) }

    /// It needs none.
    public var usesReference: Bool { false }
    /// Log-probabilities are means over tokens.
    public var averages: Bool { true }

    /// The loss at a margin.
    public func loss(_ margin: Double) -> (value: Double, derivative: Double) {
        let x = beta * margin - gamma
        return (-logSigmoid(x), -beta * sigmoid(-x))
    }
}

/// −a_c − β·ln σ(ln odds(a_c) − ln odds(a_r)) on means over tokens (ORPO, Hong et al. 2024).
public struct OddsRatioPreference: PreferenceLoss {
    /// The factor of the odds ratio's part.
    public let beta: Double

    /// Creates the loss.
    public init(beta: Double = 0.1) { self.beta = beta }

    /// It needs none.
    public var usesReference: Bool { false }
    /// Log-probabilities are means over tokens.
    public var averages: Bool { true }

    /// The losses of the pairs.
    public func callAsFunction(_ scores: PreferenceScores) -> Tensor {
        logSigmoid(logOdds(scores.chosen) - logOdds(scores.rejected)) * -beta - scores.chosen
    }

    /// `sft_loss` and `odds_ratio_loss`, the two parts.
    public func metrics(_ scores: PreferenceScores, losses: [Double]) -> [String: Metric] {
        let chosen = scores.chosen.doubles()
        return [
            "sft_loss": Metric(meanOf: chosen.map { -$0 }),
            "odds_ratio_loss": Metric(meanOf: zip(losses, chosen).map { ($0 + $1) / beta }),
        ]
    }

    /// ln p − ln(1−p) for ln p.
    private func logOdds(_ logProbabilities: Tensor) -> Tensor {
        mapped(logProbabilities) { value in
            // The odds of what is certain are infinite: an answer without tokens has probability 1.
            let rest = max(-expm1(value), 1e-12)
            return (value - log(rest), 1 / rest)
        }
    }
}
