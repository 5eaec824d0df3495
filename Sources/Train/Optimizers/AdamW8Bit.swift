public import FledgeTensor
internal import Foundation

/// AdamW with moments of 8 bits in blocks of 256, as bitsandbytes computes it (Dettmers and others
/// 2022).
public struct AdamW8Bit: ZeroStateOptimizer, DecayingOptimizer, Hashable {
    /// Decay rates, epsilon and weight decay.
    public var base: AdamW
    /// Whether embeddings have moments of 8 bits too; float32 otherwise, as in the reference's trainer.
    public var compressesEmbeddings: Bool
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

    /// Parameters with fewer elements keep float32 moments.
    public static let leastCount = 4096

    /// Creates an optimizer.
    public init(_ base: AdamW = AdamW(), compressesEmbeddings: Bool = false) {
        (self.base, self.compressesEmbeddings) = (base, compressesEmbeddings)
    }

    private func compresses(_ name: String, _ count: Int) -> Bool {
        count >= Self.leastCount && (compressesEmbeddings || !name.contains("embed_tokens"))
    }

    /// Codes and magnitudes of two moments, or two moments in float32.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        let count = shape.reduce(1, *)
        guard compresses(name, count) else { return base.stateForms(name: name, shape: shape) }
        let blocks = [EightBitCode.blockCount(count)]
        return [
            "state1": StateForm(shape, .uint8), "absmax1": StateForm(blocks),
            "state2": StateForm(shape, .uint8), "absmax2": StateForm(blocks),
        ]
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        guard compresses(parameter.name, gradient.count) else {
            return base.update(parameter, gradient: gradient, state: &state, step)
        }
        var (codes1, largest1) = (state.take("state1"), state.take("absmax1"))
        var (codes2, largest2) = (state.take("state2"), state.take("absmax2"))
        let numbers = Numbers(base, step)
        EightBitMoment.with(.signed, &codes1, &largest1) { first in
            EightBitMoment.with(.unsigned, &codes2, &largest2) { second in
                gradient.withFloats { gradient in
                    parameter.changeKept { weights in
                        let size = EightBitCode.blockSize
                        let count = weights.count
                        parallelChunks(EightBitCode.blockCount(count), size: 32) { blocks in
                            for block in blocks {
                                let range = block * size..<min((block + 1) * size, count)
                                numbers.update(weights, gradient, range, first, second, block)
                            }
                        }
                    }
                }
            }
        }
        (state["state1"], state["absmax1"]) = (codes1, largest1)
        (state["state2"], state["absmax2"]) = (codes2, largest2)
    }

    /// The constants of a step in float32.
    private struct Numbers {
        let (scale, keep, rate): (Float, Float, Float)
        let (b1, n1, b2, n2): (Float, Float, Float, Float)
        let (root, epsilon): (Float, Float)

        init(_ base: AdamW, _ step: StepSettings) {
            let correction1 = 1 - pow(base.beta1, Double(step.step))
            let correction2 = (1 - pow(base.beta2, Double(step.step))).squareRoot()
            scale = Float(step.gradientScale)
            keep = Float(1 - step.rate * step.weightDecay)
            rate = Float(step.rate / correction1)
            (b1, n1) = (Float(base.beta1), Float(1 - base.beta1))
            (b2, n2) = (Float(base.beta2), Float(1 - base.beta2))
            (root, epsilon) = (Float(correction2), Float(base.epsilon))
        }

        func update(
            _ weights: UnsafeMutableBufferPointer<Float>, _ gradient: UnsafeBufferPointer<Float>,
            _ range: Range<Int>, _ first: EightBitMoment, _ second: EightBitMoment, _ block: Int
        ) {
            let size = EightBitCode.blockSize
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * size) { scratch in
                guard let m = scratch.baseAddress,
                    let g = gradient.baseAddress.map({ $0 + range.lowerBound }),
                    let w = weights.baseAddress.map({ $0 + range.lowerBound })
                else { return }
                let v = m + size
                first.expand(block, into: m, count: range.count)
                second.expand(block, into: v, count: range.count)
                for j in 0..<range.count {
                    let slope = g[j] * scale
                    m[j] = m[j] * b1 + slope * n1
                    v[j] = v[j] * b2 + slope * slope * n2
                }
                for j in 0..<range.count {
                    w[j] = w[j] * keep - rate * m[j] / (v[j].squareRoot() / root + epsilon)
                }
                first.compress(block, from: m, count: range.count)
                second.compress(block, from: v, count: range.count)
            }
        }
    }
}
