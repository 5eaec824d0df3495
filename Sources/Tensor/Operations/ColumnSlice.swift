import FledgeKernels

extension Tensor {
    /// Some neighbouring columns of a matrix: `[rows, range.count]`, a copy.
    public func columns(_ range: Range<Int>) -> Tensor { columns([range]) }

    /// Several stretches of columns of a matrix, one behind the other, a copy.
    ///
    /// - Precondition: No column is there twice.
    public func columns(_ ranges: [Range<Int>]) -> Tensor {
        precondition(
            shape.count == 2
                && ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= shape[1] },
            "columns: \(ranges) of \(shape)")
        let slice = ColumnSlice(shape: shape, ranges: ranges)
        let count = ranges.reduce(0) { $0 + $1.count }
        let result = Tensor(uninitialized: [shape[0], count], elementType)
        let size = elementType.byteCount
        let (row, part) = (shape[1] * size, count * size)
        let (source, target) = (pointer, result.freshPointer)
        parallelRows(shape[0], columns: count) { rows in
            for index in rows {
                var place = target + index * part
                for range in ranges {
                    place.copyMemory(
                        from: source + index * row + range.lowerBound * size,
                        byteCount: range.count * size)
                    place += range.count * size
                }
            }
        }
        withExtendedLifetime(self) {}
        return result.recorded([tapeReference], slice)
    }
}

/// The gradient goes to the columns that were taken.
struct ColumnSlice: RecordedOperation {
    let shape: [Int]
    let ranges: [Range<Int>]

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let type = dy.elementType
        let (row, part) = (shape[1] * type.byteCount, dy.shape[1] * type.byteCount)
        let kernels = Kernels.of(type)
        pass.accumulate(into: 0, shape: shape, type) { target, holdsSum in
            let source = dy.pointer
            parallelRows(shape[0], columns: shape[1]) { rows in
                for index in rows {
                    var place = source + index * part
                    if !holdsSum {
                        (target + index * row).initializeMemory(
                            as: UInt8.self, repeating: 0, count: row)
                    }
                    for range in ranges {
                        let sum = target + index * row + range.lowerBound * type.byteCount
                        let bytes = range.count * type.byteCount
                        if holdsSum {
                            kernels.add(sum, sum, place, range.count)
                        } else {
                            sum.copyMemory(from: place, byteCount: bytes)
                        }
                        place += bytes
                    }
                }
            }
        }
        withExtendedLifetime(dy) {}
    }
}
