public import FledgeTensor

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch computes it.
public struct AdamW: ZeroStateOptimizer, DecayingOptimizer, Hashable {
    /// Decay rate of the mean of gradients.
    public var beta1: Double
    /// Decay rate of the mean of squared gradients.
    public var beta2: Double
    /// What is added to the root of the second moment.
    public var epsilon: Double
    /// Fraction of a weight that is taken away per unit of learning rate.
    public var weightDecay: Double
    /// Which parameters have weight decay; norms and biases have none unless it is set.
    public var decayRule = DecayRule.standard

    /// Creates an optimizer; the defaults are the reference's.
    public init(
        beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0
    ) {
        (self.beta1, self.beta2) = (beta1, beta2)
        (self.epsilon, self.weightDecay) = (epsilon, weightDecay)
    }

    /// Two moments, float32 whatever the parameter is stored as.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        ["exp_avg": StateForm(shape), "exp_avg_sq": StateForm(shape)]
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        var first = state.take("exp_avg")
        var second = state.take("exp_avg_sq")
        adamWUpdate(
            parameter, gradient: gradient, scale: step.gradientScale, first: &first,
            second: &second, rate: step.rate, beta1: beta1, beta2: beta2, epsilon: epsilon,
            weightDecay: step.weightDecay, step: step.step)
        (state["exp_avg"], state["exp_avg_sq"]) = (first, second)
    }
}
