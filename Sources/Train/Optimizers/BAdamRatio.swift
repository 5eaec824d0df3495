internal import FledgeCore
public import FledgeTensor
internal import Foundation

/// BAdam's other mode: a part of the weights of every matrix is trained, another one every 100 steps.
///
/// Embeddings and the head are not trained; there is no weight decay.
public struct BAdamRatio: ZeroStateOptimizer {
    /// Decay rates and epsilon.
    public var base: AdamW
    /// The part of weights that is trained.
    public var ratio: Double
    /// Whether they are scattered, not one behind the other.
    public var scatters: Bool
    /// The seed of the places of scattered ones.
    public var seed: UInt64
    /// Steps until the next part, with fresh moments.
    public var interval = 100

    /// Creates an optimizer.
    public init(_ base: AdamW, ratio: Double = 0.05, scatters: Bool = false, seed: UInt64 = 42) {
        (self.base, self.ratio, self.scatters, self.seed) = (base, ratio, scatters, seed)
    }

    /// All but embeddings and the head.
    public func groups(of parameters: [Parameter]) -> [ParameterGroup] {
        [
            ParameterGroup(
                "parts",
                parameters.filter { !$0.name.contains("embed") && !$0.name.contains("lm_head") },
                self)
        ]
    }

    private func count(_ shape: [Int]) -> Int { Int(Double(shape.reduce(1, *)) * ratio) }

    /// Two moments of the weights that are trained.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        let form = StateForm([count(shape)])
        return ["exp_avg": form, "exp_avg_sq": form]
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        let (turn, place) = (step.step - 1).quotientAndRemainder(dividingBy: interval)
        if place == 0 { state = initialState(for: parameter) }
        let (all, count) = (gradient.count, count(gradient.shape))
        guard count > 0 else { return }
        let order = scatters ? order(of: gradient.shape) : nil
        let start = turn * count % all
        let (c1, c2) = (
            1 - pow(base.beta1, Double(place + 1)), 1 - pow(base.beta2, Double(place + 1))
        )
        let size = Float(step.rate * c2.squareRoot() / c1)
        let (n1, n2) = (Float(1 - base.beta1), Float(1 - base.beta2))
        let (epsilon, scale) = (Float(base.epsilon), Float(step.gradientScale))
        var (first, second) = (state.take("exp_avg"), state.take("exp_avg_sq"))
        first.withMutableFloats { first in
            second.withMutableFloats { second in
                gradient.withFloats { gradient in
                    parameter.changeKept { weights in
                        for i in 0..<count {
                            let place = (start + i) % all
                            let at = order.map { $0[place] } ?? place
                            let slope = gradient[at] * scale
                            first[i] += (slope - first[i]) * n1
                            second[i] += (slope * slope - second[i]) * n2
                            weights[at] -= size * first[i] / (second[i].squareRoot() + epsilon)
                        }
                    }
                }
            }
        }
        (state["exp_avg"], state["exp_avg_sq"]) = (first, second)
    }

    /// The order in which scattered weights of a shape have their turns.
    private func order(of shape: [Int]) -> [Int] {
        let key = shape.reduce(RandomKey(seed: seed).appending("badam")) { $0.appending($1) }
        var generator = KeyedGenerator(key)
        return (0..<shape.reduce(1, *)).shuffled(using: &generator)
    }
}
