import FledgeKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif
/// One step of Adam with decoupled weight decay (Loshchilov and Hutter 2019), in one pass.
///
/// p ← p·(1 - rate·weightDecay); m ← β₁·m + (1 - β₁)·g; v ← β₂·v + (1 - β₂)·g²;
/// p ← p - rate/(1 - β₁ᵗ)·m / (√v/√(1 - β₂ᵗ) + epsilon), in float32.
///
/// - Parameters:
///   - parameter: float32; or bfloat16, rounded in the same pass from its master, or from itself where
///     it has none.
///   - gradient: float32, in the parameter's shape.
///   - scale: What the gradient is multiplied by first.
///   - first: m, float32.
///   - second: v, float32.
///   - step: t, counted from 1.
public func adamWUpdate(
    _ parameter: Parameter, gradient: Tensor, scale: Double = 1, first: inout Tensor,
    second: inout Tensor, rate: Double, beta1: Double, beta2: Double, epsilon: Double,
    weightDecay: Double, step: Int
) {
    requireFitting(parameter, gradient, first, second)
    precondition(step > 0, "adamWUpdate: step \(step)")
    parameter.value.makeUnique()
    parameter.master?.makeUnique()
    first.makeUnique()
    second.makeUnique()
    var job = fledge_adamw()
    if parameter.value.elementType == .bfloat16 {
        job.rounded = parameter.value.freshPointer.assumingMemoryBound(to: UInt16.self)
        job.p = parameter.master?.freshPointer.assumingMemoryBound(to: Float.self)
    } else {
        job.p = parameter.value.freshPointer.assumingMemoryBound(to: Float.self)
    }
    job.gradient = gradient.pointer.assumingMemoryBound(to: Float.self)
    job.first = first.freshPointer.assumingMemoryBound(to: Float.self)
    job.second = second.freshPointer.assumingMemoryBound(to: Float.self)
    (job.gradient_scale, job.rate, job.decay) = (scale, rate, weightDecay)
    (job.beta1, job.beta2, job.epsilon) = (beta1, beta2, epsilon)
    (job.c1, job.c2) = (1 - pow(beta1, Double(step)), 1 - pow(beta2, Double(step)))
    let kernel = fledge_kernels().pointee.adamw
    let whole = job
    parallelChunks(gradient.count, size: 16384) { range in
        var part = whole
        part.n = range.count
        part.p = whole.p.map { $0 + range.lowerBound }
        part.rounded = whole.rounded.map { $0 + range.lowerBound }
        part.gradient = whole.gradient.map { $0 + range.lowerBound }
        part.first = whole.first.map { $0 + range.lowerBound }
        part.second = whole.second.map { $0 + range.lowerBound }
        kernel(&part)
    }
    withExtendedLifetime((parameter, gradient)) {}
}

private func requireFitting(_ parameter: Parameter, _ gradient: Tensor, _ moments: Tensor...) {
    let floats = [gradient] + moments + (parameter.master.map { [$0] } ?? [])
    precondition(
        parameter.value.elementType != .float64
            && (parameter.master == nil || parameter.value.elementType == .bfloat16)
            && floats.allSatisfy {
                $0.elementType == .float32 && $0.shape == parameter.value.shape
            },
        "adamWUpdate: \(parameter.name) of \(parameter.value.elementType) and shape "
            + "\(parameter.value.shape), others \(floats.map(\.elementType)) of shapes "
            + "\(floats.map(\.shape)); float32 of one shape is needed")
}
