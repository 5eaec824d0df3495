public import FledgeTensor
internal import Foundation

/// Schedule-free AdamW (Defazio and others 2024): trains between a sequence of plain steps and its
/// average, which is what is evaluated and saved.
public struct ScheduleFreeAdamW: AveragingOptimizer, DecayingOptimizer, Hashable {
    /// Decay rates, epsilon and weight decay; the first rate is how near the average is trained.
    public var base: AdamW
    /// Steps in which the rate rises, beside what the schedule does.
    public var warmup: Int
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
    public init(_ base: AdamW = AdamW(), warmup: Int = 0) {
        (self.base, self.warmup) = (base, warmup)
    }

    /// Both sequences begin with the weights.
    public func initialState(for parameter: Parameter) -> State {
        let weights = parameter.kept.detached.converted(to: .float32)
        return [
            "x": weights, "z": weights, "exp_avg_sq": Tensor(zeros: weights.shape),
            "rates": Tensor(zeros: [2], .float64),
        ]
    }

    /// Three tensors of the parameter's shape and two numbers.
    public func stateBytes(for parameter: Parameter) -> Int {
        3 * StateForm(parameter.value.shape).byteCount + StateForm([2], .float64).byteCount
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        let rise = step.step <= warmup ? Double(step.step) / Double(warmup) : 1
        let rate = step.rate * rise
        // Steps weigh as the square of the highest rate so far.
        let rates = state["rates"]?.doubles() ?? [0, 0]
        let highest = max(rate, rates[0])
        let sum = rates[1] + highest * highest
        let weight = Float(sum > 0 ? highest * highest / sum : 0)
        state["rates"] = Tensor([highest, sum], shape: [2])

        let (b2, n2) = (Float(base.beta2), Float(1 - base.beta2))
        let correction = Float(1 - pow(base.beta2, Double(step.step)))
        let (epsilon, scale) = (Float(base.epsilon), Float(step.gradientScale))
        let (decay, length) = (Float(step.weightDecay), Float(rate))
        var (x, z, second) = (state.take("x"), state.take("z"), state.take("exp_avg_sq"))
        x.withMutableFloats { x in
            z.withMutableFloats { z in
                second.withMutableFloats { second in
                    gradient.withFloats { gradient in
                        parameter.changeElements { weights, range in
                            for i in range {
                                let slope = gradient[i] * scale
                                second[i] = second[i] * b2 + slope * slope * n2
                                let divisor = (second[i] / correction).squareRoot() + epsilon
                                z[i] -= length * (slope / divisor + decay * weights[i])
                                x[i] += weight * (z[i] - x[i])
                                weights[i] = between(x[i], z[i])
                            }
                        }
                    }
                }
            }
        }
        (state["x"], state["z"], state["exp_avg_sq"]) = (x, z, second)
    }

    @inline(__always)
    private func between(_ x: Float, _ z: Float) -> Float { x + Float(1 - base.beta1) * (z - x) }

    /// The average.
    public func showAverage(_ parameter: Parameter, _ state: State) {
        state["x"]?.withFloats { x in
            parameter.changeElements { weights, range in for i in range { weights[i] = x[i] } }
        }
    }

    /// What lies between the average and the plain steps.
    public func showTrained(_ parameter: Parameter, _ state: State) {
        state["x"]?.withFloats { x in
            state["z"]?.withFloats { z in
                parameter.changeElements { weights, range in
                    for i in range { weights[i] = between(x[i], z[i]) }
                }
            }
        }
    }
}
