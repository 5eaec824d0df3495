public import FledgeTensor

/// Muon (Jordan and others 2024): the momentum of a matrix, made nearly orthogonal by Newton and
/// Schulz's iteration, with the step's size of Liu and others 2025.
///
/// It trains matrices; embeddings, the head and everything that is no matrix are trained by AdamW.
public struct Muon: ZeroStateOptimizer, Hashable {
    /// How much of the last momentum goes on.
    public var momentum: Double
    /// Whether the gradient is looked at where the momentum leads (Nesterov).
    public var isNesterov: Bool
    /// Rounds of the iteration.
    public var iterations: Int
    /// What trains the rest; its weight decay holds for all parameters.
    public var rest: AdamW

    /// Creates an optimizer.
    public init(
        momentum: Double = 0.95, isNesterov: Bool = true, iterations: Int = 5,
        rest: AdamW = AdamW()
    ) {
        (self.momentum, self.isNesterov) = (momentum, isNesterov)
        (self.iterations, self.rest) = (iterations, rest)
    }

    /// Matrices, and the rest.
    public func groups(of parameters: [Parameter]) -> [ParameterGroup] {
        let others = EarlyEpsilonAdamW(rest, decaysAfterStep: false)
        return [
            ParameterGroup(
                "matrices", parameters.filter(Self.takes), self, weightDecay: rest.weightDecay),
            ParameterGroup(
                "rest", parameters.filter { !Self.takes($0) }, others,
                weightDecay: rest.weightDecay),
        ].filter { !$0.parameters.isEmpty }
    }

    private static func takes(_ parameter: Parameter) -> Bool {
        parameter.value.shape.count == 2 && !parameter.name.contains("embed")
            && !parameter.name.contains("lm_head")
    }

    /// The momentum.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        ["momentum_buffer": StateForm(shape)]
    }

    /// The direction, and what the iteration makes of it.
    public func workingBytes(for parameter: Parameter) -> Int {
        let (count, short) = (parameter.value.count, parameter.value.shape.min() ?? 0)
        let square = BufferPool.sizeClass(4 * short * short)
        let matrix = BufferPool.sizeClass(4 * count)
        return max(4 * matrix + square, 3 * matrix + 3 * square)
    }

    /// One step on one matrix.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        let (keep, scale) = (Float(momentum), Float(step.gradientScale))
        let looksAhead = isNesterov
        var buffer = state.take("momentum_buffer")
        var direction = Tensor(zeros: gradient.shape)
        buffer.withMutableFloats { buffer in
            direction.withMutableFloats { direction in
                gradient.withFloats { gradient in
                    let (buffer, direction) = (buffer, direction)
                    parallelChunks(gradient.count, size: 16384) { range in
                        for i in range {
                            let slope = gradient[i] * scale
                            buffer[i] = keep * buffer[i] + slope
                            direction[i] = looksAhead ? slope + keep * buffer[i] : buffer[i]
                        }
                    }
                }
            }
        }
        state["momentum_buffer"] = buffer
        let turned = Self.orthogonalized(direction, iterations: iterations)
        let size = 0.2 * Double(gradient.shape.max() ?? 1).squareRoot()
        parameter.scaleKept(by: 1 - step.rate * step.weightDecay)
        parameter.addToKept(turned, factor: -step.rate * size)
    }

    /// A matrix near U·Vᵀ of a matrix U·S·Vᵀ; every result is rounded to bfloat16, as in the
    /// reference.
    static func orthogonalized(_ matrix: Tensor, iterations: Int) -> Tensor {
        let isTall = matrix.shape[0] > matrix.shape[1]
        var x = isTall ? matrix.transposed() : matrix
        x.roundElements { $0 }
        let norm = Float(x.sumOfSquares().squareRoot()).inBFloat16
        let divisor = (norm + 1e-7).inBFloat16
        x.roundElements { $0 / divisor }
        for _ in 0..<iterations {
            var square = x.product(x, rightTransposed: true)
            square.roundElements { $0 }
            var scaled = square
            scaled.roundElements { 2.0315 * $0 }
            var fourth = scaled.product(square)
            fourth.roundElements { $0 }
            square.roundElements { -4.7750 * $0 }
            square.accumulate(fourth, factor: 1)
            square.roundElements { $0 }
            var change = square.product(x)
            change.roundElements { $0 }
            x.roundElements { 3.4445 * $0 }
            x.accumulate(change, factor: 1)
            x.roundElements { $0 }
        }
        return isTall ? x.transposed() : x
    }
}

extension Tensor {
    /// Changes every element and rounds it to a number that bfloat16 has.
    fileprivate mutating func roundElements(_ change: (Float) -> Float) {
        withMutableFloats { elements in
            let elements = elements
            parallelChunks(elements.count, size: 16384) { range in
                for i in range { elements[i] = change(elements[i]).inBFloat16 }
            }
        }
    }
}

extension Float {
    /// The nearest number of bfloat16, of two as near ones the even one.
    fileprivate var inBFloat16: Float {
        Float(bitPattern: (bitPattern &+ 0x7FFF &+ (bitPattern >> 16 & 1)) & 0xFFFF_0000)
    }
}
