public import FledgeTensor
internal import Foundation

/// Adam-mini (Zhang and others 2024): weights that belong together have one second moment, those of
/// a head of queries and keys, of a row, or of a norm.
public struct AdamMini: ZeroStateOptimizer, Hashable {
    /// Decay rates, epsilon and weight decay.
    public var base: AdamW
    /// Elements of a head's weights.
    public var headSize: Int

    /// Creates an optimizer.
    public init(_ base: AdamW = AdamW(), headSize: Int) {
        (self.base, self.headSize) = (base, headSize)
    }

    /// With weight decay, and without: norms and biases.
    public func groups(of parameters: [Parameter]) -> [ParameterGroup] {
        func isBare(_ parameter: Parameter) -> Bool {
            let name = parameter.name.lowercased()
            return ["norm", "ln", "bias"].contains { name.contains($0) }
        }
        return [
            ParameterGroup(
                "decayed", parameters.filter { !isBare($0) }, self, weightDecay: base.weightDecay),
            ParameterGroup("undecayed", parameters.filter(isBare), self),
        ].filter { !$0.parameters.isEmpty }
    }

    /// Elements that share a second moment.
    private func partSize(_ name: String, _ shape: [Int]) -> Int {
        let (name, count) = (name.lowercased(), shape.reduce(1, *))
        func has(_ parts: [String]) -> Bool { parts.contains { name.contains($0) } }
        if name.contains("bias") { return 1 }
        let row = shape.count > 1 ? count / max(1, shape[0]) : count
        if has(["k_proj", "q_proj", "wq", "wk", "query", "key"]) {
            // Factors of adapters have no heads.
            return headSize > 0 && count % headSize == 0 ? headSize : row
        }
        let ofRows = [
            "embed", "embd", "wte", "lm_head", "output", "final_layer", "v_proj", "wv", "value",
            "feed_forward", "linear", "mlp", "o_proj", "wo", "attn.proj",
        ]
        return has(ofRows) ? row : count
    }

    /// The first moment, and the second of each part.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        let parts = shape.reduce(1, *) / max(1, partSize(name, shape))
        return ["m": StateForm(shape), "vmean": StateForm([parts])]
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        let size = partSize(parameter.name, gradient.shape)
        let (b2, n1, n2) = (Float(base.beta2), Float(1 - base.beta1), Float(1 - base.beta2))
        let c1 = Float(1 - pow(base.beta1, Double(step.step)))
        let root = Float((1 - pow(base.beta2, Double(step.step))).squareRoot())
        let (scale, rate) = (Float(step.gradientScale), Float(step.rate))
        let (keep, epsilon) = (Float(1 - step.rate * step.weightDecay), Float(base.epsilon))
        var (first, second) = (state.take("m"), state.take("vmean"))
        first.withMutableFloats { first in
            second.withMutableFloats { second in
                gradient.withFloats { gradient in
                    parameter.changeKept { weights in
                        let (first, second) = (first, second)
                        parallelChunks(second.count, size: max(1, 16384 / max(1, size))) { parts in
                            for part in parts {
                                var sum = 0.0
                                for i in part * size..<(part + 1) * size {
                                    let slope = gradient[i] * scale
                                    sum += Double(slope * slope)
                                }
                                second[part] =
                                    b2 * second[part] + n2 * Float(sum / Double(size))
                                let step =
                                    rate / c1 / (second[part].squareRoot() / root + epsilon)
                                for i in part * size..<(part + 1) * size {
                                    first[i] += (gradient[i] * scale - first[i]) * n1
                                    weights[i] = weights[i] * keep - first[i] * step
                                }
                            }
                        }
                    }
                }
            }
        }
        (state["m"], state["vmean"]) = (first, second)
    }
}
