import FledgeKernels

extension Tensor {
    /// Adds another tensor of the same shape, converting it where the types differ.
    mutating func add(_ other: Tensor) {
        precondition(shape == other.shape, "add: shapes \(shape) and \(other.shape)")
        let other = other.detached.converted(to: elementType)
        accumulate(other, factor: 1)
    }

    /// Adds `factor` times another tensor of the same shape and type.
    package mutating func accumulate(_ other: Tensor, factor: Double) {
        makeUnique()
        let kernels = Kernels.of(elementType)
        let (target, source, size) = (storage.pointer, other.pointer, elementType.byteCount)
        parallelChunks(count, size: 16384) { range in
            let at = range.lowerBound * size
            if factor == 1 {
                kernels.add(target + at, target + at, source + at, range.count)
            } else {
                kernels.scale_add(target + at, source + at, factor, range.count)
            }
        }
        withExtendedLifetime(other) {}
    }

    /// Multiplies every element by a number.
    package mutating func scale(by factor: Double) {
        makeUnique()
        let kernels = Kernels.of(elementType)
        let (target, size) = (storage.pointer, elementType.byteCount)
        parallelChunks(count, size: 16384) { range in
            let at = range.lowerBound * size
            kernels.scale(target + at, target + at, factor, range.count)
        }
    }

    /// The sum of all squares, in float64 and in an order that depends on the count alone.
    package func sumOfSquares() -> Double { reduced(Kernels.of(elementType).sum_squares) }

    /// The sum of all elements, in float64 and in an order that depends on the count alone.
    func total() -> Double { reduced(Kernels.of(elementType).sum) }

    private func reduced(
        _ kernel: @convention(c) (UnsafeRawPointer, Int) -> Double
    ) -> Double {
        let (count, size, source, chunk) = (count, elementType.byteCount, pointer, 16384)
        var parts = [Double](repeating: 0, count: (count + chunk - 1) / chunk)
        parts.withUnsafeMutableBufferPointer { parts in
            let parts = parts
            parallelFor(parts.count) { index in
                let begin = index * chunk
                parts[index] = kernel(source + begin * size, min(chunk, count - begin))
            }
        }
        withExtendedLifetime(self) {}
        return parts.reduce(0, +)
    }
}
