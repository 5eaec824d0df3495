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
/// p ← p - rate/(1 - β₁ᵗ)·m / (√v/√(1 - β₂ᵗ) + epsilon). All tensors are float32 of one shape.
///
/// - Parameters:
///   - first: m.
///   - second: v.
///   - step: t, counted from 1.
public func adamWUpdate(
    _ parameter: inout Tensor, gradient: Tensor, first: inout Tensor, second: inout Tensor,
    rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, step: Int
) {
    let tensors = [parameter, gradient, first, second]
    precondition(
        step > 0
            && tensors.allSatisfy { $0.elementType == .float32 && $0.shape == gradient.shape },
        "adamWUpdate: step \(step), shapes \(tensors.map(\.shape)), types "
            + "\(tensors.map(\.elementType)); float32 of one shape is needed")
    _ = consume tensors
    parameter.makeUnique()
    first.makeUnique()
    second.makeUnique()
    let kernel = fledge_kernels().pointee.adamw
    let p = parameter.freshPointer.assumingMemoryBound(to: Float.self)
    let m = first.freshPointer.assumingMemoryBound(to: Float.self)
    let v = second.freshPointer.assumingMemoryBound(to: Float.self)
    let g = gradient.pointer.assumingMemoryBound(to: Float.self)
    let (c1, c2) = (1 - pow(beta1, Double(step)), 1 - pow(beta2, Double(step)))
    parallelChunks(gradient.count, size: 16384) { range in
        let at = range.lowerBound
        kernel(
            p + at, g + at, m + at, v + at, range.count, rate, beta1, beta2, epsilon, weightDecay,
            c1, c2)
    }
    withExtendedLifetime(gradient) {}
}
