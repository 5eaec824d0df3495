public import FledgeCore
import FledgeKernels

/// log softmax(hidden[rowᵢ]·headᵀ/T)[targetᵢ] for each prediction; the supervision's weights are not
/// used.
///
/// The backward pass computes the logits again, a chunk of rows at a time.
///
/// - Parameters:
///   - hidden: `[tokens, channels]`.
///   - head: `[vocabulary, channels]`.
///   - temperature: T, which logits are divided by.
///   - observe: Sees the logits of each prediction, divided by T, by its place in the supervision, on
///     whatever thread computes it.
/// - Returns: `[supervision.count]`, float32 (float64 for float64).
/// - Precondition: T is above 0.
public func tokenLogProbabilities(
    _ hidden: Tensor, head: LinearMatrix, _ supervision: Supervision, temperature: Double = 1,
    observe: ((_ prediction: Int, _ row: LogitRow) -> Void)? = nil
) -> Tensor {
    precondition(temperature > 0, "tokenLogProbabilities: a temperature of \(temperature)")
    let product = HeadProduct(hidden, head, supervision, "tokenLogProbabilities")
    let kernels = Kernels.of(product.sums)
    var logSums = [Double](repeating: 0, count: supervision.count)
    var values = logSums
    logSums.withUnsafeMutableBufferPointer { logSums in
        values.withUnsafeMutableBufferPointer { values in
            let (logSums, values) = (logSums, values)
            product.forEachChunk { range, logits in
                parallelFor(range.count) { index in
                    let row = logits + index * product.vocabulary * product.sums.byteCount
                    let at = range.lowerBound + index
                    if temperature != 1 {
                        kernels.scale(row, row, 1 / temperature, product.vocabulary)
                    }
                    logSums[at] = kernels.log_sum_exp(row, product.vocabulary)
                    let logit = product.logit(row, Int(supervision.targets[at]))
                    values[at] = logit - logSums[at]
                    observe?(
                        at,
                        LogitRow(
                            row, product.sums, count: product.vocabulary, logSum: logSums[at],
                            targetLogit: logit, divergence: 0))
                }
            }
        }
    }
    return Tensor(values, shape: [supervision.count]).converted(to: product.sums).recorded(
        [hidden.tapeReference, head.tapeReference],
        TokenLogProbabilities(
            product: product, supervision: supervision, logSums: logSums, shape: hidden.shape,
            temperature: temperature))
}

/// dlogits = dy·(onehot(target) - softmax(logits/T))/T.
struct TokenLogProbabilities: RecordedOperation {
    let product: HeadProduct
    let supervision: Supervision
    let logSums: [Double]
    let shape: [Int]
    let temperature: Double

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let (factors, sums) = (gradient.doubles(), product.sums)
        let kernels = Kernels.of(sums)
        let rowGradients =
            pass.wants(0) ? Tensor(uninitialized: product.rows.shape, sums) : nil
        let headGradient = pass.wants(1) ? Tensor(zeros: product.shape, sums) : nil
        product.forEachChunk { range, logits in
            let gradients = product.gradients(over: logits)
            let writer = Kernels.of(gradients.type)
            parallelFor(range.count) { index in
                let row = logits + index * product.vocabulary * sums.byteCount
                let at = range.lowerBound + index
                if temperature != 1 {
                    kernels.scale(row, row, 1 / temperature, product.vocabulary)
                }
                writer.probability_gradient(
                    row, row, logSums[at], product.vocabulary, Int(supervision.targets[at]),
                    -factors[at] / temperature)
            }
            product.propagate(gradients, range, rows: rowGradients, head: headGradient)
        }
        if let rowGradients {
            HeadProduct.scatter(
                rowGradients, factor: 1, rows: supervision.rows, shape: shape, product.type, &pass)
        }
        if let headGradient { pass.add(headGradient, to: 1) }
    }
}
