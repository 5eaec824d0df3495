public import FledgeTensor

/// Lion (Chen and others 2023): every weight moves by the rate, in the direction of a mean of gradients.
public struct Lion: ZeroStateOptimizer, DecayingOptimizer, Hashable {
    /// How much of the mean goes into the direction, beside the gradient.
    public var beta1: Double
    /// Decay rate of the mean of gradients.
    public var beta2: Double
    /// Fraction of a weight that is taken away per unit of learning rate.
    public var weightDecay: Double
    /// Which parameters have weight decay.
    public var decayRule = DecayRule.standard
    /// Whether the mean has 8 bits in blocks of 256, as in bitsandbytes.
    public var compresses: Bool
    /// Whether that of embeddings has 8 bits too.
    public var compressesEmbeddings: Bool

    /// Creates an optimizer; the defaults are those of its authors.
    public init(
        beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0,
        compresses: Bool = false, compressesEmbeddings: Bool = false
    ) {
        (self.beta1, self.beta2, self.weightDecay) = (beta1, beta2, weightDecay)
        (self.compresses, self.compressesEmbeddings) = (compresses, compressesEmbeddings)
    }

    private func compresses(_ name: String, _ count: Int) -> Bool {
        compresses && count >= AdamW8Bit.leastCount
            && (compressesEmbeddings || !name.contains("embed_tokens"))
    }

    /// The mean of gradients.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        let count = shape.reduce(1, *)
        guard compresses(name, count) else { return ["exp_avg": StateForm(shape)] }
        return [
            "state1": StateForm(shape, .uint8),
            "absmax1": StateForm([EightBitCode.blockCount(count)]),
        ]
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        guard compresses(parameter.name, gradient.count) else {
            var mean = state.take("exp_avg")
            mean.withMutableFloats { mean in
                gradient.withFloats { gradient in
                    parameter.changeElements { weights, range in
                        move(weights, gradient, range, mean: mean, meanStart: 0, step)
                    }
                }
            }
            state["exp_avg"] = mean
            return
        }
        var (codes, largest) = (state.take("state1"), state.take("absmax1"))
        EightBitMoment.with(.signed, &codes, &largest) { moment in
            gradient.withFloats { gradient in
                parameter.changeKept { weights in
                    let (size, count) = (EightBitCode.blockSize, weights.count)
                    parallelChunks(EightBitCode.blockCount(count), size: 32) { blocks in
                        withUnsafeTemporaryAllocation(of: Float.self, capacity: size) { mean in
                            guard let base = mean.baseAddress else { return }
                            for block in blocks {
                                let range = block * size..<min((block + 1) * size, count)
                                moment.expand(block, into: base, count: range.count)
                                move(
                                    weights, gradient, range, mean: mean,
                                    meanStart: range.lowerBound, step)
                                moment.compress(block, from: base, count: range.count)
                            }
                        }
                    }
                }
            }
        }
        (state["state1"], state["absmax1"]) = (codes, largest)
    }

    private func move(
        _ weights: UnsafeMutableBufferPointer<Float>, _ gradient: UnsafeBufferPointer<Float>,
        _ range: Range<Int>, mean: UnsafeMutableBufferPointer<Float>, meanStart: Int,
        _ step: StepSettings
    ) {
        let (scale, rate) = (Float(step.gradientScale), Float(step.rate))
        let keep = Float(1 - step.rate * step.weightDecay)
        let (b1, n1) = (Float(beta1), Float(1 - beta1))
        let (b2, n2) = (Float(beta2), Float(1 - beta2))
        for i in range {
            let slope = gradient[i] * scale
            let old = mean[i - meanStart]
            let direction = old * b1 + slope * n1
            let sign: Float = direction > 0 ? 1 : direction < 0 ? -1 : 0
            weights[i] = weights[i] * keep - rate * sign
            mean[i - meanStart] = old * b2 + slope * n2
        }
    }
}
