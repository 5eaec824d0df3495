public import FledgeCore
import FledgeKernels

/// log softmax(hidden[rowᵢ]·headᵀ/T)[targetᵢ] for each prediction; the supervision's weights are not
/// used.
///
/// The gradient of a prediction with respect to its hidden row is made while its logits are there, but for
/// the factor that comes backwards; where the head is trained too, the backward pass computes the logits
/// again, a chunk of rows at a time.
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
    _ hidden: Tensor, head: LanguageHead, _ supervision: Supervision, temperature: Double = 1,
    observe: ((_ prediction: Int, _ row: LogitRow) -> Void)? = nil
) -> Tensor {
    precondition(temperature > 0, "tokenLogProbabilities: a temperature of \(temperature)")
    let product = HeadProduct(hidden, head, supervision, "tokenLogProbabilities")
    let kernels = Kernels.of(product.sums)
    var logSums = [Double](repeating: 0, count: supervision.count)
    var values = logSums
    let (tracked, trained) = (hidden.tapeReference, head.matrix.tapeReference)
    var operation = TokenLogProbabilities(
        product: product, supervision: supervision, logSums: [], shape: hidden.shape,
        temperature: temperature, directions: nil)
    if tracked != nil, trained == nil {
        operation.directions = Tensor(uninitialized: product.rows.shape, product.sums)
    }
    logSums.withUnsafeMutableBufferPointer { logSums in
        values.withUnsafeMutableBufferPointer { values in
            let (logSums, values) = (logSums, values)
            product.forEachChunk { range, logits in
                let gradients = product.gradients(over: logits)
                let writer = Kernels.of(gradients.type)
                parallelFor(range.count) { [operation] index in
                    let row = logits + index * product.vocabulary * product.sums.byteCount
                    let at = range.lowerBound + index
                    // Slopes of a cap follow from logits before they are divided.
                    let isKept = operation.directions != nil
                    func compute() {
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
                        if isKept {
                            operation.setGradient(
                                row, writer, at, logSum: logSums[at], factor: 1)
                        }
                    }
                    if isKept { product.withSlope(row, compute) } else { compute() }
                }
                product.propagate(gradients, range, rows: operation.directions, head: nil)
            }
        }
    }
    operation.logSums = logSums
    return Tensor(values, shape: [supervision.count]).converted(to: product.sums).recorded(
        [tracked, trained], operation)
}

/// dlogits = dy·(onehot(target) - softmax(logits/T))/T.
struct TokenLogProbabilities: RecordedOperation {
    let product: HeadProduct
    let supervision: Supervision
    var logSums: [Double]
    let shape: [Int]
    let temperature: Double
    /// For each prediction the gradient with respect to its row; nil where that is made backwards.
    var directions: Tensor?

    /// Makes of a row's logits, divided by T, the gradient of its prediction times a factor.
    ///
    /// - Parameter writer: The kernels of the gradients' type, which other threads would not choose alike.
    func setGradient(
        _ row: UnsafeMutableRawPointer, _ writer: fledge_element_kernels, _ at: Int, logSum: Double,
        factor: Double
    ) {
        writer.probability_gradient(
            row, row, logSum, product.vocabulary, Int(supervision.targets[at]),
            -factor * product.slope / temperature)
    }

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let factors = gradient.doubles()
        if let directions {
            let kernels = Kernels.of(product.sums)
            let (channels, size) = (product.channels, product.channels * product.sums.byteCount)
            // Nobody else has them, and they are asked for once.
            parallelRows(factors.count, columns: channels) { rows in
                for row in rows {
                    let place = directions.freshPointer + row * size
                    kernels.scale(place, place, factors[row], channels)
                }
            }
            HeadProduct.scatter(
                directions, factor: 1, rows: supervision.rows, shape: shape, product.type, &pass)
            return
        }
        let sums = product.sums
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
                product.withSlope(row) {
                    if temperature != 1 {
                        kernels.scale(row, row, 1 / temperature, product.vocabulary)
                    }
                    setGradient(
                        row, writer, at, logSum: logSums[at], factor: factors[at])
                }
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
