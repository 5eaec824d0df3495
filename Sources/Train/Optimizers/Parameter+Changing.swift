package import FledgeTensor

extension Parameter {
    /// Changes the float32 value that is kept; what is stored in bfloat16 is rounded from it.
    package func changeKept(_ body: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
        if master != nil {
            try master?.withMutableFloats(body)
            let type = value.elementType
            // Given back first, so that there are never two of them.
            value = Tensor(zeros: [0], type)
            value = kept.converted(to: type)
        } else if value.elementType == .float32 {
            try value.withMutableFloats(body)
        } else {
            var wide = value.converted(to: .float32)
            try wide.withMutableFloats(body)
            value = wide.converted(to: value.elementType)
        }
    }

    /// Changes the elements that are kept, ranges of them at the same time.
    package func changeElements(
        _ body: (UnsafeMutableBufferPointer<Float>, Range<Int>) -> Void
    ) {
        changeKept { weights in
            parallelChunks(weights.count, size: 16384) { body(weights, $0) }
        }
    }

    /// Bytes that ``changeKept(_:)`` holds while it changes the value.
    package var changingBytes: Int {
        master == nil && value.elementType != .float32
            ? BufferPool.sizeClass(value.count * ElementType.float32.byteCount) : 0
    }

    /// Multiplies the value by a number.
    package func scaleKept(by factor: Double) {
        guard factor != 1 else { return }
        let factor = Float(factor)
        changeElements { weights, range in for i in range { weights[i] *= factor } }
    }

    /// Adds a float32 tensor of the same shape, in another shape if need be.
    package func addToKept(_ change: Tensor, factor: Double = 1) {
        let factor = Float(factor)
        change.withFloats { change in
            changeElements { weights, range in
                for i in range { weights[i] += factor * change[i] }
            }
        }
    }
}
