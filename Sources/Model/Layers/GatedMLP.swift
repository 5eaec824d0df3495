public import FledgeTensor

/// The gated feed-forward layer (Shazeer 2020): `down(act(gate(x)) · up(x))`.
public final class GatedMLP: Sublayer {
    let gate: Linear
    let up: Linear
    let down: Linear
    let activation: Activation

    /// Creates a layer from its three projections.
    public init(gate: Linear, up: Linear, down: Linear, activation: Activation) {
        precondition(
            gate.outputCount == up.outputCount && down.inputCount == up.outputCount,
            "\(gate.name): projections do not fit each other")
        (self.gate, self.up, self.down, self.activation) = (gate, up, down, activation)
    }

    /// Lists the projections.
    public func describe(to description: inout ModuleDescription) {
        description.add(gate)
        description.add(up)
        description.add(down)
    }

    /// Applies the layer to each row of `x`, shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        down(gatedActivation(gate(x, pass), up(x, pass), activation), pass)
    }
}

extension GatedMLP {
    /// Gate and up are kept; their product is made again.
    public func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let inner = run.bytes(gate.outputCount)
        let adapters = [gate, up, down].reduce(0) { $0 + $1.adapterBytes(run) }
        return ActivationBytes(
            kept: 2 * inner + adapters, forward: 3 * inner, backward: 3 * inner)
    }
}
