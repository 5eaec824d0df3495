/// One number for each of some rows: hidden[rowᵢ]·weightᵀ + bias, as a value head gives.
///
/// - Parameters:
///   - hidden: `[tokens, channels]`.
///   - rows: The rows that are wanted.
///   - weight: `[1, channels]`.
///   - bias: `[1]`.
///   - mask: Applied to the rows that were picked, with a key for each.
/// - Returns: `[rows.count]`, float32 (float64 for float64).
public func rowValues(
    _ hidden: Tensor, rows: [Int32], weight: Parameter, bias: Parameter? = nil,
    dropout mask: Dropout? = nil
) -> Tensor {
    precondition(
        hidden.shape.count == 2 && weight.value.shape == [1, hidden.shape[1]],
        "rowValues: hidden \(hidden.shape), \(weight.name) \(weight.value.shape)")
    let picked = hidden.gathered(rows)
    let kept = mask.map { dropout(picked, $0) } ?? picked
    return linearProduct(
        kept.converted(to: hidden.elementType.accumulator), weight, bias: bias
    ).reshaped([rows.count])
}
