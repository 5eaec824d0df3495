public import FledgeTensor
internal import Foundation

/// AdamW that adds epsilon to the root of the second moment before the bias is corrected, as the
/// AdamW of older transformers, of GaLore, APOLLO and Muon does.
public struct EarlyEpsilonAdamW: ZeroStateOptimizer, DecayingOptimizer, Hashable {
    /// The moments and epsilon.
    public var base: AdamW
    /// Whether weight decay applies to the weights after the step, not before it.
    public var decaysAfterStep: Bool
    /// Fraction of a weight that is taken away per unit of learning rate.
    public var weightDecay: Double {
        get { base.weightDecay }
        set { base.weightDecay = newValue }
    }
    /// Which parameters have weight decay.
    public var decayRule: DecayRule {
        get { base.decayRule }
        set { base.decayRule = newValue }
    }

    /// Creates an optimizer.
    public init(_ base: AdamW, decaysAfterStep: Bool) {
        (self.base, self.decaysAfterStep) = (base, decaysAfterStep)
    }

    /// Two moments.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        base.stateForms(name: name, shape: shape)
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        var rule = base
        // √v/√c + ε/√c is (√v + ε)/√c.
        rule.epsilon = base.epsilon / (1 - pow(base.beta2, Double(step.step))).squareRoot()
        var settings = step
        if decaysAfterStep { settings.weightDecay = 0 }
        rule.update(parameter, gradient: gradient, state: &state, settings)
        if decaysAfterStep { parameter.scaleKept(by: 1 - step.rate * step.weightDecay) }
    }
}
