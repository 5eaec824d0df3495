import FledgeKernels

/// The rows of a table at the given ids.
///
/// - Parameters:
///   - ids: Row numbers.
///   - table: `[vocabulary, channels]`.
///   - type: The result's element type.
///   - paddingID: The row that gets no gradient here, as PyTorch's `padding_idx`.
/// - Returns: `[ids.count, channels]`.
public func embeddingLookup(
    _ ids: [Int32], _ table: LinearMatrix, as type: ElementType, paddingID: Int32? = nil
) -> Tensor {
    precondition(
        table.shape.count == 2, "embeddingLookup: \(table.name) has shape \(table.shape)")
    let (rows, columns) = (table.shape[0], table.shape[1])
    precondition(
        ids.allSatisfy { $0 >= 0 && $0 < rows },
        "embeddingLookup: an id is outside \(table.name) of \(rows) rows")
    return table.gatheredRows(ids, as: type).recorded(
        [table.tapeReference],
        EmbeddingLookup(ids: ids, paddingID: paddingID, rows: rows, columns: columns))
}

/// Rows that were looked up more than once get the sum, in the order of the ids.
struct EmbeddingLookup: RecordedOperation {
    let ids: [Int32]
    let paddingID: Int32?
    let rows: Int
    let columns: Int

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let sums = gradient.elementType.accumulator
        let dy = gradient.converted(to: sums)
        let (kernels, size) = (Kernels.of(sums), columns * sums.byteCount)
        pass.accumulate(into: 0, shape: [rows, columns], sums) { target, holdsSum in
            if !holdsSum {
                target.initializeMemory(as: UInt8.self, repeating: 0, count: rows * size)
            }
            for (index, id) in ids.enumerated() where id != paddingID {
                let row = target + Int(id) * size
                kernels.add(row, row, dy.pointer + index * size, columns)
            }
        }
        withExtendedLifetime(dy) {}
    }
}

extension Tensor {
    /// Some rows of a matrix, one after another.
    func gatheredRows(_ rows: [Int32]) -> Tensor {
        let result = Tensor(uninitialized: [rows.count, shape[1]], elementType)
        let size = shape[1] * elementType.byteCount
        for (index, row) in rows.enumerated() {
            (result.freshPointer + index * size).copyMemory(
                from: pointer + Int(row) * size, byteCount: size)
        }
        withExtendedLifetime(self) {}
        return result
    }
}
