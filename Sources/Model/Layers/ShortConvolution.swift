public import FledgeTensor

/// A gated short convolution (Liquid AI 2025): with (B, C, x) from one projection, `output(C · conv(B · x))`.
public final class ShortConvolution: Sublayer {
    private let input: Linear
    private let output: Linear
    private let weight: Parameter
    private let bias: Parameter?

    /// Creates a layer.
    ///
    /// - Parameters:
    ///   - input: Gates before and behind the convolution and what it reads, one behind the other.
    ///   - weight: `[channels, 1, width]`.
    ///   - bias: `[channels]`.
    public init(input: Linear, weight: Parameter, bias: Parameter?, output: Linear) {
        precondition(
            input.outputCount == 3 * output.inputCount
                && weight.value.shape.first == output.inputCount,
            "\(input.name): parts do not fit each other")
        (self.input, self.weight, self.bias, self.output) = (input, weight, bias, output)
    }

    private var channels: Int { output.inputCount }
    private var width: Int { weight.value.shape[2] }

    /// Lists projections, weight and bias.
    public func describe(to description: inout ModuleDescription) {
        description.add(input)
        description.add(weight)
        description.add(bias)
        description.add(output)
    }

    /// Applies the layer along the sequences; `x` has shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let parts = input(x, pass)
        let read = parts.columns(0..<channels) * parts.columns((2 * channels)..<(3 * channels))
        let mixed = pass.context.scan(in: self) { layout, states in
            let kept = states.map { $0.map(\.first) }
            let mixed = causalConvolution(
                read, weight, bias: bias, activates: false, layout: layout, from: kept)
            if let kept {
                states = convolutionEnds(read, count: width - 1, layout: layout, from: kept)
                    .map { [$0] }
            }
            return mixed
        }
        return output(parts.columns(channels..<(2 * channels)) * mixed, pass)
    }
}

extension ShortConvolution {
    /// The three parts, the convolution's input and output, and the projection's input.
    public func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let one = run.bytes(channels)
        let adapters = input.adapterBytes(run) + output.adapterBytes(run)
        return ActivationBytes(
            kept: 6 * one + adapters, forward: run.bytes(3 * channels) + 4 * one,
            backward: 2 * run.bytes(3 * channels) + 3 * one)
    }

    /// A few rows for each sequence.
    public func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int {
        cache.sequences * BufferPool.sizeClass((width - 1) * channels * type.byteCount)
    }
}
