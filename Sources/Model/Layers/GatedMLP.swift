public import FledgeTensor

/// The gated feed-forward layer (Shazeer 2020): `down(act(gate(x)) · up(x))`.
public final class GatedMLP: Sublayer {
    /// Gate and up: a layer each, or one for both.
    private let projections: [Linear]
    private let down: Linear
    private let activation: Activation

    /// Creates a layer from its three projections.
    public init(gate: Linear, up: Linear, down: Linear, activation: Activation) {
        precondition(
            gate.outputCount == up.outputCount && down.inputCount == up.outputCount,
            "\(gate.name): projections do not fit each other")
        (projections, self.down, self.activation) = ([gate, up], down, activation)
    }

    /// Creates a layer whose gate and up come from one projection, one behind the other.
    public init(fused: Linear, down: Linear, activation: Activation) {
        precondition(
            fused.outputCount == 2 * down.inputCount,
            "\(fused.name): projections do not fit each other")
        (projections, self.down, self.activation) = ([fused], down, activation)
    }

    /// Lists the projections.
    public func describe(to description: inout ModuleDescription) {
        for projection in projections { description.add(projection) }
        description.add(down)
    }

    /// Applies the layer to each row of `x`, shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let (gate, up) = projected(x, pass)
        return down(gatedActivation(gate, up, activation), pass)
    }
}

extension GatedMLP {
    private func projected(_ x: Tensor, _ pass: ForwardPass) -> (gate: Tensor, up: Tensor) {
        guard projections.count == 1 else {
            return (projections[0](x, pass), projections[1](x, pass))
        }
        let (both, inner) = (projections[0](x, pass), down.inputCount)
        return (both.columns(0..<inner), both.columns(inner..<(2 * inner)))
    }

    /// Gate and up are kept; their product is made again. Of one projection both are copies, and their
    /// gradients come together.
    public func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let inner = run.bytes(down.inputCount)
        let adapters = (projections + [down]).reduce(0) { $0 + $1.adapterBytes(run) }
        let parts = projections.count == 1 ? 4 : 3
        return ActivationBytes(
            kept: 2 * inner + adapters, forward: parts * inner, backward: parts * inner)
    }
}
