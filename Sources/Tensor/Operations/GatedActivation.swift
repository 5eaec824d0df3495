import FledgeKernels

/// The function that a gate is passed through.
public enum Activation: UInt8, Sendable {
    /// x·sigmoid(x) (Elfwing et al. 2018).
    case silu = 0
    /// The approximation of ``gelu`` by a hyperbolic tangent.
    case geluTanh = 1
    /// x·Φ(x), Φ the normal distribution (Hendrycks and Gimpel 2016).
    case gelu = 2
    /// 1/(1 + e⁻ˣ).
    case sigmoid = 3
    /// GPT-OSS's: x·sigmoid(1.702·x) of x up to 7, times what it gates, bounded by ±7, plus 1.
    case clampedSilu = 4
}

/// activation(gate)·up, element by element (Shazeer 2020).
public func gatedActivation(_ gate: Tensor, _ up: Tensor, _ activation: Activation) -> Tensor {
    precondition(
        gate.shape == up.shape && gate.elementType == up.elementType,
        "gatedActivation: gate \(gate), up \(up)")
    let operation = GatedActivation(
        gate: gate.detached, up: up.detached, activation: activation)
    return operation.product()
        .recorded([gate.tapeReference, up.tapeReference], operation)
        .derivable(by: operation.product)
}

/// dgate = dy·up·activation'(gate), dup = dy·activation(gate), both in one pass.
struct GatedActivation: RecordedOperation {
    let gate: Tensor
    let up: Tensor
    let activation: Activation

    func product() -> Tensor {
        let (type, result) = (gate.elementType, Tensor(uninitialized: gate.shape, gate.elementType))
        let (kernels, size) = (Kernels.of(type), type.byteCount)
        let (target, g, u) = (result.freshPointer, gate.pointer, up.pointer)
        parallelChunks(gate.count, size: 16384) { range in
            let at = range.lowerBound * size
            kernels.gate_forward(
                target + at, g + at, u + at, range.count, Int32(activation.rawValue))
        }
        withExtendedLifetime((gate, up)) {}
        return result
    }

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let dgate = Tensor(uninitialized: dy.shape, dy.elementType)
        let dup = Tensor(uninitialized: dy.shape, dy.elementType)
        let (kernels, size) = (Kernels.of(dy.elementType), dy.elementType.byteCount)
        parallelChunks(dy.count, size: 16384) { range in
            let at = range.lowerBound * size
            kernels.gate_backward(
                dgate.freshPointer + at, dup.freshPointer + at, dy.pointer + at,
                gate.pointer + at, up.pointer + at, range.count, Int32(activation.rawValue))
        }
        pass.add(dgate, to: 0)
        pass.add(dup, to: 1)
        withExtendedLifetime(dy) {}
    }
}
