public import FledgeTensor

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch computes it.
public struct AdamW: Optimizer, Hashable {
    /// Decay rate of the mean of gradients.
    public var beta1: Double
    /// Decay rate of the mean of squared gradients.
    public var beta2: Double
    /// What is added to the root of the second moment.
    public var epsilon: Double
    /// Fraction of a weight that is taken away per unit of learning rate; norms and biases have none.
    public var weightDecay: Double

    /// Creates an optimizer; the defaults are the reference's.
    public init(
        beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0
    ) {
        (self.beta1, self.beta2) = (beta1, beta2)
        (self.epsilon, self.weightDecay) = (epsilon, weightDecay)
    }

    /// Two moments of zeros, float32 whatever the parameter is stored as.
    public func initialState(for parameter: Parameter) -> State {
        let shape = parameter.value.shape
        return ["exp_avg": Tensor(zeros: shape), "exp_avg_sq": Tensor(zeros: shape)]
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, scale: Double, state: inout State, rate: Double,
        step: Int
    ) {
        guard var first = state.removeValue(forKey: "exp_avg"),
            var second = state.removeValue(forKey: "exp_avg_sq")
        else { preconditionFailure("AdamW: the state of \(parameter.name) has no moments") }
        adamWUpdate(
            parameter, gradient: gradient, scale: scale, first: &first, second: &second,
            rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon,
            weightDecay: Self.decays(parameter.name) ? weightDecay : 0, step: step)
        state["exp_avg"] = first
        state["exp_avg_sq"] = second
    }

    /// Whether weight decay applies to a parameter of this name (reference: 05 §2).
    package static func decays(_ name: String) -> Bool {
        let name = name.lowercased()
        if name.contains("bias") || name.contains("layernorm") || name.contains("rmsnorm") {
            return false
        }
        return !name.split(separator: ".").contains { $0 == "norm" || $0.contains("_norm") }
    }
}
