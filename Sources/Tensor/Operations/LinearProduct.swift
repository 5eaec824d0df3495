import FledgeKernels

/// x·Wᵀ (+ bias): the product of a linear layer.
///
/// - Parameters:
///   - x: `[tokens, inputs]`.
///   - weight: `[outputs, inputs]`, in any element type; bfloat16 by bfloat16 is summed in float32.
///   - bias: `[outputs]`.
/// - Returns: `[tokens, outputs]` in the type of `x`.
public func linearProduct(_ x: Tensor, _ weight: Parameter, bias: Parameter? = nil) -> Tensor {
    precondition(
        x.shape.count == 2 && weight.value.shape.count == 2 && x.shape[1] == weight.value.shape[1],
        "linearProduct: x \(x.shape), \(weight.name) \(weight.value.shape)")
    let (tokens, inputs, outputs) = (x.shape[0], x.shape[1], weight.value.shape[0])
    precondition(
        bias.map { $0.value.shape == [outputs] } ?? true,
        "linearProduct: bias \(bias?.value.shape ?? []) for \(outputs) outputs")
    let matrix = weight.value.matched(to: x.elementType)
    let result = Tensor(uninitialized: [tokens, outputs], x.elementType)
    multiply(
        Matrix(x), Matrix(matrix).transposed, into: result.freshPointer, x.elementType,
        rows: tokens, columns: outputs, depth: inputs,
        bias: bias?.value.detached.converted(to: x.elementType.accumulator))
    withExtendedLifetime((x, matrix)) {}
    return result.recorded(
        [x.tapeReference, weight.tapeReference, bias?.tapeReference],
        LinearProduct(
            x: weight.tapeReference == nil ? nil : x.saved,
            weight: x.isTracked ? matrix : nil, weightShape: matrix.shape))
}

/// dx = dy·W, dW = dyᵀ·x, dbias = Σ dy. A frozen weight needs no `x`, a constant `x` no weight.
struct LinearProduct: RecordedOperation {
    let x: SavedTensor?
    let weight: Tensor?
    let weightShape: [Int]

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let (tokens, outputs, inputs) = (dy.shape[0], weightShape[0], weightShape[1])
        let (type, sums) = (dy.elementType, dy.elementType.accumulator)
        if let weight {
            pass.accumulate(into: 0, shape: [tokens, inputs], type) { target, holdsSum in
                multiply(
                    Matrix(dy), Matrix(weight), into: target, type, rows: tokens, columns: inputs,
                    depth: outputs, accumulating: holdsSum)
            }
        }
        if let x = x?.tensor {
            pass.accumulate(into: 1, shape: weightShape, sums) { target, holdsSum in
                multiply(
                    Matrix(dy).transposed, Matrix(x), into: target, sums, rows: outputs,
                    columns: inputs, depth: tokens, accumulating: holdsSum)
            }
            withExtendedLifetime(x) {}
        }
        if pass.wants(2) { pass.add(dy.summedRows(), to: 2) }
        withExtendedLifetime((dy, weight)) {}
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
