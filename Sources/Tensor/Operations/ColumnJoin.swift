import FledgeKernels

/// Matrices of as many rows beside each other: `[rows, Σ columns]`, a copy.
public func joinedColumns(_ parts: [Tensor]) -> Tensor {
    guard let first = parts.first else { preconditionFailure("joinedColumns: nothing to join") }
    precondition(
        parts.allSatisfy {
            $0.shape.count == 2 && $0.shape[0] == first.shape[0]
                && $0.elementType == first.elementType
        }, "joinedColumns: \(parts.map(\.shape))")
    guard parts.count > 1 else { return first }
    let widths = parts.map { $0.shape[1] }
    let (rows, columns, size) = (
        first.shape[0], widths.reduce(0, +), first.elementType.byteCount
    )
    let result = Tensor(uninitialized: [rows, columns], first.elementType)
    var start = 0
    for part in parts {
        let (source, width) = (part.pointer, part.shape[1] * size)
        let target = result.freshPointer + start
        parallelRows(rows, columns: part.shape[1]) { rows in
            for row in rows {
                (target + row * columns * size).copyMemory(
                    from: source + row * width, byteCount: width)
            }
        }
        start += width
    }
    withExtendedLifetime(parts) {}
    return result.recorded(parts.map(\.tapeReference), ColumnJoin(widths: widths))
}

/// Each part gets its columns of the gradient.
struct ColumnJoin: RecordedOperation {
    let widths: [Int]

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient.detached
        var start = 0
        for (index, width) in widths.enumerated() {
            if pass.wants(index) { pass.add(dy.columns(start..<start + width), to: index) }
            start += width
        }
    }
}
