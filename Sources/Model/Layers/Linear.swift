public import FledgeTensor

/// `x·Wᵀ + b`, with a typed slot for an adapter.
///
/// Attaching, disabling and merging an adapter are operations on the slot; the layer itself is never
/// replaced. A reference policy is therefore the same model with its slots disabled.
public final class Linear: Module {
    /// Path of the module in the checkpoint, such as `model.layers.0.self_attn.q_proj`.
    public let name: String
    /// The weight, shape `[out, in]`, in either form.
    public private(set) var matrix: LinearMatrix
    /// The bias, shape `[out]`.
    public let bias: Parameter?
    /// What changes the linear map; nil for the plain layer.
    public var adapter: (any LinearAdapter)?
    /// Whether the adapter takes part; without one this changes nothing.
    public var isAdapterEnabled = true

    /// Creates a layer from its parameters.
    public convenience init(_ name: String, weight: Parameter, bias: Parameter? = nil) {
        self.init(name, matrix: .plain(weight), bias: bias)
    }

    /// Creates a layer from its weight in either form.
    public init(_ name: String, matrix: LinearMatrix, bias: Parameter? = nil) {
        precondition(matrix.shape.count == 2, "\(name): weight of shape \(matrix.shape)")
        (self.name, self.matrix, self.bias) = (name, matrix, bias)
    }

    /// The weight, shape `[out, in]`; traps when it is quantised.
    public var weight: Parameter {
        guard let parameter = matrix.parameter else {
            preconditionFailure("\(name): the weight is quantised; call dequantize(as:) first")
        }
        return parameter
    }

    /// The weight in blocks; nil when it is plain.
    public var quantizedWeight: QuantizedMatrix? { matrix.blocks }

    /// Replaces a quantised weight by the plain matrix that it stands for.
    public func dequantize(as type: ElementType) { matrix.dequantize(as: type) }

    /// Number of input channels.
    public var inputCount: Int { matrix.shape[1] }
    /// Number of output channels.
    public var outputCount: Int { matrix.shape[0] }

    /// Lists weight, bias and the adapter.
    public func describe(to description: inout ModuleDescription) {
        description.add(matrix)
        description.add(bias)
        description.add(adapter)
    }

    /// What the layer computes without its adapter.
    public var map: LinearMap { LinearMap(matrix: matrix, bias: bias) }

    /// Applies the layer to `x`, shape `[tokens, in]`; the result has shape `[tokens, out]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        guard let adapter, isAdapterEnabled else { return map(x, pass) }
        return adapter.apply(to: x, of: map, pass)
    }
}

/// A linear map without an adapter: `x·Wᵀ + b`.
public struct LinearMap {
    /// The weight, shape `[out, in]`.
    public let matrix: LinearMatrix
    /// The bias, shape `[out]`.
    public let bias: Parameter?

    /// Applies the map to `x`, shape `[tokens, in]`, with a low-rank update of its matrix if one is
    /// given: both are then one pass over the result, shape `[tokens, out]`.
    public func callAsFunction(
        _ x: Tensor, adding lowRank: LowRankTerm? = nil, _ pass: ForwardPass
    ) -> Tensor {
        linearProduct(x, matrix, bias: bias, lowRank: lowRank, order: pass.productOrder)
    }
}

/// What fills the adapter slot of a ``Linear`` layer.
public protocol LinearAdapter: Module {
    /// The adapted output, shape `[tokens, out]`.
    ///
    /// - Parameters:
    ///   - input: The layer's input, shape `[tokens, in]`.
    ///   - map: What the layer computes without the adapter.
    ///   - pass: Precision and random keys.
    func apply(to input: Tensor, of map: LinearMap, _ pass: ForwardPass) -> Tensor

    /// The weight that gives the same map without an adapter, in the weight's element type.
    func merged(into weight: Tensor) -> Tensor

    /// Bytes of what ``apply(to:of:_:)`` keeps for the backward pass beside its input, which is counted
    /// already; asked for to plan a run.
    func activationBytes(_ run: TokenMemory) -> Int
}
