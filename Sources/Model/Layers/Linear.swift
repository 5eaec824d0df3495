public import FledgeTensor

/// `x·Wᵀ + b`, with a typed slot for an adapter.
///
/// Attaching, disabling and merging an adapter are operations on the slot; the layer itself is never
/// replaced. A reference policy is therefore the same model with its slots disabled.
public final class Linear: Module {
    /// Path of the module in the checkpoint, such as `model.layers.0.self_attn.q_proj`.
    public let name: String
    /// The weight, shape `[out, in]`.
    public let weight: Parameter
    /// The bias, shape `[out]`.
    public let bias: Parameter?
    /// What changes the linear map; nil for the plain layer.
    public var adapter: (any LinearAdapter)?
    /// Whether the adapter takes part; without one this changes nothing.
    public var isAdapterEnabled = true

    /// Creates a layer from its parameters.
    public init(_ name: String, weight: Parameter, bias: Parameter? = nil) {
        precondition(
            weight.value.shape.count == 2, "\(name): weight of shape \(weight.value.shape)")
        (self.name, self.weight, self.bias) = (name, weight, bias)
    }

    /// Number of input channels.
    public var inputCount: Int { weight.value.shape[1] }
    /// Number of output channels.
    public var outputCount: Int { weight.value.shape[0] }

    /// Lists weight, bias and the adapter.
    public func describe(to description: inout ModuleDescription) {
        description.add(weight)
        description.add(bias)
        description.add(adapter)
    }

    /// Applies the layer to `x`, shape `[tokens, in]`; the result has shape `[tokens, out]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let base = linearProduct(x, weight, bias: bias)
        guard let adapter, isAdapterEnabled else { return base }
        return adapter.apply(to: x, baseOutput: base, pass)
    }
}

/// What fills the adapter slot of a ``Linear`` layer.
public protocol LinearAdapter: Module {
    /// The adapted output.
    ///
    /// - Parameters:
    ///   - input: The layer's input, shape `[tokens, in]`.
    ///   - baseOutput: What the layer computes without the adapter, shape `[tokens, out]`.
    ///   - pass: Precision and random keys.
    func apply(to input: Tensor, baseOutput: consuming Tensor, _ pass: ForwardPass) -> Tensor

    /// The weight that gives the same map without an adapter, in the weight's element type.
    func merged(into weight: Tensor) -> Tensor
}
