/// The logits of some rows: for sampling and inspection, without a backward pass.
///
/// - Parameters:
///   - hidden: `[tokens, channels]`.
///   - head: `[vocabulary, channels]`.
///   - rows: The rows that are wanted; all when left out.
///   - order: How terms are added.
/// - Returns: `[rows, vocabulary]`, float32 (float64 for float64).
public func logits(
    _ hidden: Tensor, head: LanguageHead, rows: [Int32]? = nil, order: ProductOrder = .blocks
) -> Tensor {
    hidden.requireUntracked("logits")
    precondition(
        hidden.shape.count == 2 && head.shape.count == 2 && hidden.shape[1] == head.shape[1],
        "logits: hidden \(hidden.shape), \(head.name) \(head.shape)")
    precondition(
        rows.map { $0.allSatisfy { $0 >= 0 && $0 < hidden.shape[0] } } ?? true,
        "logits: a row is outside \(hidden.shape[0]) rows")
    let picked = rows.map { hidden.gatheredRows($0) } ?? hidden
    let type = hidden.elementType.accumulator
    let result = Tensor(uninitialized: [picked.shape[0], head.shape[0]], type)
    head.matrix.factor(for: hidden.elementType).multiply(
        Matrix(picked), rows: picked.shape[0], transposed: true, into: result.freshPointer, type,
        order: order)
    head.finish(result.freshPointer, rows: picked.shape[0], type)
    withExtendedLifetime(picked) {}
    return result
}
