internal import FledgeCore
public import FledgeTensor

/// A number for a token's state: what a reward model gives for the last token of an answer.
///
/// `w·dropout(h) + b`, in float32 whatever the model computes in, as TRL's head. It stands beside the
/// model: objectives that train it list it among their modules.
public final class ValueHead: Module {
    /// The weight, shape `[1, channels]`.
    public let weight: Parameter
    /// The bias, shape `[1]`.
    public let bias: Parameter
    /// Probability with which a channel of the state is dropped in training.
    public var dropout: Float

    /// Names of the two parameters in files.
    static let names = (weight: "v_head.summary.weight", bias: "v_head.summary.bias")
    /// TRL's probability of dropout.
    public static let defaultDropout: Float = 0.1

    /// Creates a head from its parameters.
    public init(weight: Tensor, bias: Tensor, dropout: Float = defaultDropout) {
        precondition(
            weight.shape.count == 2 && weight.shape[0] == 1 && bias.shape == [1],
            "ValueHead: weight \(weight.shape), bias \(bias.shape)")
        self.weight = Parameter(Self.names.weight, weight, isTrainable: true)
        self.bias = Parameter(Self.names.bias, bias, isTrainable: true)
        self.dropout = dropout
    }

    /// Creates a fresh head: weight and bias uniform from ±1/√channels, as TRL leaves PyTorch's linear
    /// layer, keyed by seed and name.
    public convenience init(channels: Int, seed: UInt64, dropout: Float = defaultDropout) {
        precondition(channels > 0, "ValueHead: \(channels) channels")
        let bound = 1 / Double(channels).squareRoot()
        func draws(_ name: String, _ count: Int) -> [Float] {
            var generator = KeyedGenerator(
                RandomKey(seed: seed).appending("initialization").appending(name))
            return (0..<count).map { _ in Float((2 * generator.uniform() - 1) * bound) }
        }
        self.init(
            weight: Tensor(draws(Self.names.weight, channels), shape: [1, channels]),
            bias: Tensor(draws(Self.names.bias, 1), shape: [1]), dropout: dropout)
    }

    /// Lists weight and bias.
    public func describe(to description: inout ModuleDescription) {
        description.add(weight)
        description.add(bias)
    }

    /// The values of some rows of `hidden`, shape `[rows.count]`, float32 (float64 for float64).
    ///
    /// - Parameters:
    ///   - hidden: The states after the final norm, shape `[tokens, channels]`.
    ///   - samples: For each row the global index of its sample, which dropout is keyed by.
    public func callAsFunction(
        _ hidden: Tensor, rows: [Int32], samples: [Int], _ pass: ForwardPass
    ) -> Tensor {
        rowValues(
            hidden, rows: rows, weight: weight, bias: bias,
            dropout: pass.dropout(dropout, at: "v_head", rows: rows, samples: samples))
    }
}
