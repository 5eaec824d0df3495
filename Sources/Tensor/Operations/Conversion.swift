import FledgeKernels

extension Tensor {
    /// The same numbers, rounded to another element type; differentiable.
    public func converted(to type: ElementType) -> Tensor {
        if type == elementType { return self }
        precondition(
            type != .uint8 && elementType != .uint8, "converted: bytes are no numbers to round")
        let result = Tensor(uninitialized: shape, type)
        let (source, target) = (pointer, result.freshPointer)
        let (from, to) = (elementType, type)
        let (reader, writer) = (Kernels.of(from), Kernels.of(to))
        parallelChunks(count, size: 16384) { range in
            let (x, d) = (
                source + range.lowerBound * from.byteCount,
                target + range.lowerBound * to.byteCount
            )
            if to == .float32 {
                reader.to_float(d.assumingMemoryBound(to: Float.self), x, range.count)
            } else if from == .float32 {
                writer.from_float(d, x.assumingMemoryBound(to: Float.self), range.count)
            } else {
                withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count) { floats in
                    guard let middle = floats.baseAddress else { return }
                    reader.to_float(middle, x, range.count)
                    writer.from_float(d, middle, range.count)
                }
            }
        }
        guard isTracked else { return result }
        return result.recorded([tapeReference], Conversion(source: elementType))
    }
}

/// y = round(x): the rounding's derivative is taken as one.
struct Conversion: RecordedOperation {
    let source: ElementType

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        pass.add(gradient.converted(to: source), to: 0)
    }
}
