public import FledgeTensor

/// Stochastic gradient descent with momentum, as PyTorch computes it: weight decay is a part of the
/// gradient.
public struct SGD: ZeroStateOptimizer, DecayingOptimizer, Hashable {
    /// How much of the last change goes on; 0 for none, which needs no state.
    public var momentum: Double
    /// How much of a gradient is kept out of the momentum.
    public var dampening: Double
    /// Whether the gradient is looked at where the momentum leads (Nesterov).
    public var isNesterov: Bool
    /// How much of a weight is added to its gradient.
    public var weightDecay: Double
    /// Which parameters have weight decay.
    public var decayRule = DecayRule.standard

    /// Creates an optimizer.
    public init(
        momentum: Double = 0, dampening: Double = 0, isNesterov: Bool = false,
        weightDecay: Double = 0
    ) {
        (self.momentum, self.dampening) = (momentum, dampening)
        (self.isNesterov, self.weightDecay) = (isNesterov, weightDecay)
    }

    /// The momentum, if there is one.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        momentum == 0 ? [:] : ["momentum_buffer": StateForm(shape)]
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        let (scale, rate, decay) = (
            Float(step.gradientScale), Float(step.rate), Float(step.weightDecay)
        )
        guard momentum != 0 else {
            return gradient.withFloats { gradient in
                parameter.changeElements { weights, range in
                    for i in range {
                        weights[i] -= rate * (gradient[i] * scale + decay * weights[i])
                    }
                }
            }
        }
        let (keep, take) = (Float(momentum), step.step == 1 ? 1 : Float(1 - dampening))
        let looksAhead = isNesterov
        var buffer = state.take("momentum_buffer")
        buffer.withMutableFloats { buffer in
            gradient.withFloats { gradient in
                parameter.changeElements { weights, range in
                    for i in range {
                        let slope = gradient[i] * scale + decay * weights[i]
                        let moved = keep * buffer[i] + take * slope
                        buffer[i] = moved
                        weights[i] -= rate * (looksAhead ? slope + keep * moved : moved)
                    }
                }
            }
        }
        state["momentum_buffer"] = buffer
    }
}
