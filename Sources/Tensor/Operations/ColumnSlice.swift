import FledgeKernels

extension Tensor {
    /// Some neighbouring columns of a matrix: `[rows, range.count]`, a copy.
    public func columns(_ range: Range<Int>) -> Tensor {
        precondition(
            shape.count == 2 && range.lowerBound >= 0 && range.upperBound <= shape[1],
            "columns: \(range) of \(shape)")
        let result = Tensor(uninitialized: [shape[0], range.count], elementType)
        let size = elementType.byteCount
        let (row, part) = (shape[1] * size, range.count * size)
        let (source, target) = (pointer + range.lowerBound * size, result.freshPointer)
        parallelRows(shape[0], columns: range.count) { rows in
            for index in rows {
                (target + index * part).copyMemory(from: source + index * row, byteCount: part)
            }
        }
        withExtendedLifetime(self) {}
        return result.recorded([tapeReference], ColumnSlice(shape: shape, range: range))
    }
}

/// The gradient goes to the columns that were taken.
struct ColumnSlice: RecordedOperation {
    let shape: [Int]
    let range: Range<Int>

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let type = dy.elementType
        let (row, part) = (shape[1] * type.byteCount, range.count * type.byteCount)
        let kernels = Kernels.of(type)
        pass.accumulate(into: 0, shape: shape, type) { target, holdsSum in
            let source = dy.pointer
            parallelRows(shape[0], columns: shape[1]) { rows in
                for index in rows {
                    let sum = target + index * row + range.lowerBound * type.byteCount
                    if holdsSum {
                        kernels.add(sum, sum, source + index * part, range.count)
                    } else {
                        (target + index * row).initializeMemory(
                            as: UInt8.self, repeating: 0, count: row)
                        sum.copyMemory(from: source + index * part, byteCount: part)
                    }
                }
            }
        }
        withExtendedLifetime(dy) {}
    }
}
