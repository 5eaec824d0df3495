import FledgeKernels

extension Tensor {
    /// Some elements of a vector, or some rows of a matrix, one after another; an index may occur more
    /// than once.
    ///
    /// - Returns: `[indices.count]` or `[indices.count, columns]`.
    public func gathered(_ indices: [Int32]) -> Tensor {
        precondition(
            (1...2).contains(shape.count)
                && indices.allSatisfy { $0 >= 0 && $0 < shape[0] },
            "gathered: an index is outside shape \(shape)")
        let columns = shape.count == 2 ? shape[1] : 1
        let matrix = Tensor(storage: storage, shape: [shape[0], columns], elementType)
        let picked = matrix.gatheredRows(indices)
        return Tensor(
            storage: picked.storage, shape: [indices.count] + shape.dropFirst(), elementType
        ).recorded([tapeReference], RowGather(indices: indices, shape: shape))
    }

    /// A part of a vector.
    public func elements(_ range: Range<Int>) -> Tensor { gathered(range.map { Int32($0) }) }

    /// The only element of a vector, `count` times.
    public func repeated(_ count: Int) -> Tensor {
        precondition(shape == [1], "repeated: shape \(shape)")
        return gathered(Array(repeating: 0, count: count))
    }
}

/// What was gathered more than once gets the sum, in the order of the indices.
struct RowGather: RecordedOperation {
    let indices: [Int32]
    let shape: [Int]

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let (dy, type) = (gradient.detached, gradient.elementType)
        let columns = shape.count == 2 ? shape[1] : 1
        let (kernels, size) = (Kernels.of(type), columns * type.byteCount)
        pass.accumulate(into: 0, shape: shape, type) { target, holdsSum in
            if !holdsSum {
                target.initializeMemory(as: UInt8.self, repeating: 0, count: shape[0] * size)
            }
            for (index, row) in indices.enumerated() {
                let sum = target + Int(row) * size
                kernels.add(sum, sum, dy.pointer + index * size, columns)
            }
        }
        withExtendedLifetime(dy) {}
    }
}
