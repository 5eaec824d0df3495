import FledgeKernels

/// x·Wᵀ (+ bias) with a frozen matrix in blocks, expanded to the type of `x` panel by panel.
///
/// Has the bits of ``linearProduct(_:_:bias:)`` with the expanded matrix.
///
/// - Parameters:
///   - x: `[tokens, inputs]`.
///   - weight: `[outputs, inputs]`.
///   - bias: `[outputs]`.
/// - Returns: `[tokens, outputs]` in the type of `x`.
public func linearProduct(
    _ x: Tensor, _ weight: QuantizedMatrix, bias: Parameter? = nil
) -> Tensor {
    precondition(
        x.shape.count == 2 && x.shape[1] == weight.shape[1],
        "linearProduct: x \(x.shape), \(weight.name) \(weight.shape)")
    let (tokens, outputs) = (x.shape[0], weight.shape[0])
    precondition(
        bias.map { $0.value.shape == [outputs] } ?? true,
        "linearProduct: bias \(bias?.value.shape ?? []) for \(outputs) outputs")
    let result = Tensor(uninitialized: [tokens, outputs], x.elementType)
    multiply(
        Matrix(x), weight, transposed: true, into: result.freshPointer, x.elementType,
        rows: tokens,
        bias: bias?.value.detached.converted(to: x.elementType.accumulator))
    withExtendedLifetime(x) {}
    return result.recorded(
        [x.tapeReference, bias?.tapeReference], QuantizedProduct(weight: weight))
}

/// dx = dy·W, dbias = Σ dy.
struct QuantizedProduct: RecordedOperation {
    let weight: QuantizedMatrix

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let (tokens, type) = (dy.shape[0], dy.elementType)
        if pass.wants(0) {
            pass.accumulate(into: 0, shape: [tokens, weight.shape[1]], type) { target, holdsSum in
                multiply(
                    Matrix(dy), weight, transposed: false, into: target, type, rows: tokens,
                    accumulating: holdsSum)
            }
        }
        if pass.wants(1) { pass.add(dy.summedRows(), to: 1) }
        withExtendedLifetime(dy) {}
    }
}

/// C[rows, …] = A·W or A·Wᵀ (+ bias), or C += when `accumulating`.
func multiply(
    _ a: Matrix, _ weight: QuantizedMatrix, transposed: Bool, into c: UnsafeMutableRawPointer,
    _ type: ElementType, rows: Int, accumulating: Bool = false, bias: Tensor? = nil
) {
    let (columns, depth) =
        transposed ? (weight.shape[0], weight.shape[1]) : (weight.shape[1], weight.shape[0])
    guard rows > 0, columns > 0 else { return }
    weight.withBlocks { blocks, format in
        var product = fledge_product(
            rows: rows, columns: columns, depth: depth, a: a.pointer,
            a_type: Int32(a.type.rawValue), a_row: a.rowStride, a_depth: a.columnStride,
            b: UnsafeRawPointer(blocks), b_type: format, b_column: transposed ? 0 : 1,
            b_depth: transposed ? 1 : 0, c: c, c_type: Int32(type.rawValue), c_row: columns,
            accumulate: accumulating ? 1 : 0, bias: bias?.pointer, second: nil)
        let operations = 2 * Double(rows) * Double(columns) * Double(depth)
        OperationProfile.measureProduct(operations) {
            fledge_kernels().pointee.product(&product)
        }
    }
    withExtendedLifetime(bias) {}
}
