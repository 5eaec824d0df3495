import FledgeKernels

private typealias BinaryKernel =
    @convention(c) (
        UnsafeMutableRawPointer, UnsafeRawPointer, UnsafeRawPointer, Int
    ) -> Void

private func combined(_ a: Tensor, _ b: Tensor, _ name: String, _ kernel: BinaryKernel) -> Tensor {
    precondition(
        a.shape == b.shape && a.elementType == b.elementType,
        "\(name): \(a.elementType)\(a.shape) and \(b.elementType)\(b.shape)")
    let (result, size) = (Tensor(uninitialized: a.shape, a.elementType), a.elementType.byteCount)
    let (target, left, right) = (result.freshPointer, a.pointer, b.pointer)
    parallelChunks(a.count, size: 16384) { range in
        let at = range.lowerBound * size
        kernel(target + at, left + at, right + at, range.count)
    }
    withExtendedLifetime((a, b)) {}
    return result
}

extension Tensor {
    /// The sum of two tensors of one shape.
    public static func + (a: Tensor, b: Tensor) -> Tensor {
        combined(a, b, "+", Kernels.of(a.elementType).add)
            .recorded([a.tapeReference, b.tapeReference], Addition(sign: 1))
    }

    /// The difference of two tensors of one shape.
    public static func - (a: Tensor, b: Tensor) -> Tensor {
        combined(a, b, "-", Kernels.of(a.elementType).subtract)
            .recorded([a.tapeReference, b.tapeReference], Addition(sign: -1))
    }

    /// The product of two tensors of one shape, element by element.
    public static func * (a: Tensor, b: Tensor) -> Tensor {
        combined(a, b, "*", Kernels.of(a.elementType).multiply)
            .recorded(
                [a.tapeReference, b.tapeReference],
                Multiplication(
                    a: b.isTracked ? a.detached : nil, b: a.isTracked ? b.detached : nil))
    }

    /// A tensor times a number.
    public static func * (a: Tensor, factor: Double) -> Tensor {
        var result = a.detached
        result.scale(by: factor)
        return result.recorded([a.tapeReference], Scaling(factor: factor))
    }

    /// A tensor times a number.
    public static func * (factor: Double, a: Tensor) -> Tensor { a * factor }
}

/// da = dy, db = ±dy.
struct Addition: RecordedOperation {
    let sign: Double

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        if pass.wants(1) {
            var right = gradient.detached
            if sign != 1 { right.scale(by: sign) }
            pass.add(right, to: 1)
        }
        pass.add(gradient, to: 0)
    }
}

/// da = dy·b, db = dy·a.
struct Multiplication: RecordedOperation {
    let a: Tensor?
    let b: Tensor?

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        if let b { pass.add(gradient * b, to: 0) }
        if let a { pass.add(gradient * a, to: 1) }
    }
}

/// da = factor·dy.
struct Scaling: RecordedOperation {
    let factor: Double

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        var dx = consume gradient
        dx.scale(by: factor)
        pass.add(dx, to: 0)
    }
}
