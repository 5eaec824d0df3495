import FledgeKernels

/// x·Wᵀ (+ low rank) (+ bias): what a linear layer computes, in one pass over its result.
///
/// - Parameters:
///   - x: `[tokens, inputs]`.
///   - matrix: `[outputs, inputs]`; bfloat16 by bfloat16 is summed in float32. With a quantised
///     matrix the result has the bits of the product with the expanded one.
///   - bias: `[outputs]`.
///   - lowRank: A low-rank update of the matrix.
///   - order: How terms are added; rows that are computed in the same order have the same bits, however
///     many there are.
/// - Returns: `[tokens, outputs]` in the type of `x`.
public func linearProduct(
    _ x: Tensor, _ matrix: LinearMatrix, bias: Parameter? = nil, lowRank: LowRankTerm? = nil,
    order: ProductOrder = .blocks
) -> Tensor {
    precondition(
        x.shape.count == 2 && matrix.shape.count == 2 && x.shape[1] == matrix.shape[1],
        "linearProduct: x \(x.shape), \(matrix.name) \(matrix.shape)")
    let (tokens, outputs) = (x.shape[0], matrix.shape[0])
    precondition(
        bias.map { $0.value.shape == [outputs] } ?? true,
        "linearProduct: bias \(bias?.value.shape ?? []) for \(outputs) outputs")
    let factor = matrix.factor(for: x.elementType)
    let update = lowRank.map { LowRankUpdate($0, of: matrix.shape, x) }
    let result = Tensor(uninitialized: [tokens, outputs], x.elementType)
    factor.multiply(
        Matrix(x), rows: tokens, transposed: true, into: result.freshPointer, x.elementType,
        bias: bias?.value.detached.converted(to: x.elementType.accumulator),
        second: update?.forward, order: order)
    withExtendedLifetime((x, update)) {}
    let needsInput = matrix.tapeReference != nil || lowRank?.down.tapeReference != nil
    return result.recorded(
        [
            x.tapeReference, matrix.tapeReference, bias?.tapeReference,
            lowRank?.down.tapeReference, lowRank?.up.tapeReference,
        ],
        LinearProduct(
            x: needsInput ? x.saved : nil, factor: x.isTracked ? factor : nil,
            shape: matrix.shape, update: update))
}

/// x·Wᵀ (+ bias) by a plain matrix.
public func linearProduct(_ x: Tensor, _ weight: Parameter, bias: Parameter? = nil) -> Tensor {
    linearProduct(x, .plain(weight), bias: bias)
}

/// dx = dy·W, dW = dyᵀ·x, dbias = Σ dy, and the low-rank term's.
///
/// A frozen weight needs no `x`, a constant `x` no weight.
struct LinearProduct: RecordedOperation {
    let x: SavedTensor?
    let factor: LinearMatrix.Factor?
    /// Of the matrix.
    let shape: [Int]
    let update: LowRankUpdate?

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let (tokens, inputs, type) = (dy.shape[0], shape[1], dy.elementType)
        let x = x?.tensor
        let inner = update?.backward(dy, x, &pass)
        if let factor {
            let second = inner.flatMap { update?.inputGradient($0) }
            pass.accumulate(into: 0, shape: [tokens, inputs], type) { target, holdsSum in
                factor.multiply(
                    Matrix(dy), rows: tokens, transposed: false, into: target, type,
                    accumulating: holdsSum, second: second)
            }
            if let inner, second == nil {
                update?.addDroppedInputGradient(inner, type, &pass)
            }
            withExtendedLifetime(inner) {}
        }
        if let x, pass.wants(1) {
            let sums = type.accumulator
            pass.accumulate(into: 1, shape: shape, sums) { target, holdsSum in
                multiply(
                    Matrix(dy).transposed, Matrix(x), into: target, sums, rows: shape[0],
                    columns: inputs, depth: tokens, accumulating: holdsSum)
            }
        }
        if pass.wants(2) { pass.add(dy.summedRows(), to: 2) }
        withExtendedLifetime((dy, x)) {}
    }
}

extension Tensor {
    /// The sum over the rows of a matrix, in the type of sums: a bias's gradient.
    func summedRows() -> Tensor {
        var sum = Tensor(zeros: [shape[1]], elementType.accumulator)
        sum.withUnsafeMutableBytes { bytes in
            guard let target = bytes.baseAddress else { return }
            Kernels.of(elementType).sum_rows(target, pointer, shape[0], shape[1])
        }
        withExtendedLifetime(self) {}
        return sum
    }
}
