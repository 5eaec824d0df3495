/// How much straying from the reference costs.
public protocol KLControl: Sendable {
    /// What the divergence is multiplied by; a run that is resumed sets what it was.
    var coefficient: Double { get set }

    /// Whether the coefficient changes, so that a run that is resumed has to know it.
    var isAdaptive: Bool { get }

    /// Learns of the divergence that some answers had.
    ///
    /// - Parameters:
    ///   - divergence: The mean over answers of Σ(ln π − ln π_ref).
    ///   - answers: Number of them.
    mutating func observe(divergence: Double, answers: Int)
}

extension KLControl {
    /// True.
    public var isAdaptive: Bool { true }
}

/// The same cost always.
public struct FixedKLControl: KLControl, Hashable {
    /// What the divergence is multiplied by.
    public var coefficient: Double

    /// Creates a control.
    public init(_ coefficient: Double = 0.2) { self.coefficient = coefficient }

    /// False.
    public var isAdaptive: Bool { false }

    /// Changes nothing.
    public mutating func observe(divergence: Double, answers: Int) {}
}

/// A cost that rises while the divergence is above a target and falls while it is below (Ziegler et al.
/// 2019).
public struct AdaptiveKLControl: KLControl, Hashable, Codable {
    /// What the divergence is multiplied by.
    public var coefficient: Double
    /// The divergence that is aimed at (`ppo_target`).
    public let target: Double
    /// The number of answers in which the coefficient may change by a part of its size.
    public let horizon: Double

    /// Creates a control, the reference's when all is left out.
    public init(_ coefficient: Double = 0.2, target: Double = 6, horizon: Double = 10000) {
        (self.coefficient, self.target, self.horizon) = (coefficient, target, horizon)
    }

    /// Multiplies the coefficient by 1 + clip(KL/target − 1, ±0.2)·answers/horizon.
    public mutating func observe(divergence: Double, answers: Int) {
        let error = min(max(divergence / target - 1, -0.2), 0.2)
        coefficient *= 1 + error * Double(answers) / horizon
    }
}
