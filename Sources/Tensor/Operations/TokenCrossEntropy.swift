public import FledgeCore
import FledgeKernels

/// Σ weightᵢ·(-log softmax(hidden[rowᵢ]·headᵀ)[targetᵢ]), fused with the head.
///
/// Logits exist for a chunk of supervised rows at a time. When something is tracked the gradient is
/// formed there and then, so that the backward pass only scales it.
///
/// - Parameters:
///   - hidden: `[tokens, channels]`.
///   - head: `[vocabulary, channels]`; may be trainable, and the embedding's parameter too.
///   - supervision: The predictions that count.
/// - Returns: A number, float32 (float64 for float64): the sum, not a mean.
public func tokenCrossEntropy(
    _ hidden: Tensor, head: LinearMatrix, _ supervision: Supervision
) -> Tensor {
    let product = HeadProduct(hidden, head, supervision, "tokenCrossEntropy")
    let sums = product.sums
    let rowGradients =
        hidden.isTracked ? Tensor(uninitialized: product.rows.shape, sums) : nil
    let headGradient =
        head.tapeReference == nil
        ? nil
        : supervision.count == 0
            ? Tensor(zeros: product.shape, sums)
            : Tensor(uninitialized: product.shape, sums)
    let kernels = Kernels.of(sums)
    var losses = [Double](repeating: 0, count: supervision.count)
    losses.withUnsafeMutableBufferPointer { losses in
        let losses = losses
        product.forEachChunk { range, logits in
            let gradients = product.gradients(over: logits)
            let writer = Kernels.of(gradients.type)
            let isWanted = rowGradients != nil || headGradient != nil
            parallelFor(range.count) { index in
                let row = logits + index * product.vocabulary * sums.byteCount
                let (target, weight) = (
                    Int(supervision.targets[range.lowerBound + index]),
                    Double(supervision.weights[range.lowerBound + index])
                )
                let logSum = kernels.log_sum_exp(row, product.vocabulary)
                let chosen = product.logit(row, target)
                losses[range.lowerBound + index] = weight * (logSum - chosen)
                if isWanted {
                    writer.probability_gradient(
                        row, row, logSum, product.vocabulary, target, weight)
                }
            }
            if isWanted {
                product.propagate(gradients, range, rows: rowGradients, head: headGradient)
            }
        }
    }
    return Tensor([losses.reduce(0, +)], shape: []).converted(to: sums).recorded(
        [hidden.tapeReference, head.tapeReference],
        TokenCrossEntropy(
            rows: supervision.rows, shape: hidden.shape, type: hidden.elementType,
            rowGradients: rowGradients, headGradient: headGradient))
}

extension HeadProduct {
    /// One logit of a row.
    func logit(_ row: UnsafeRawPointer, _ token: Int) -> Double {
        sums == .float64
            ? row.assumingMemoryBound(to: Double.self)[token]
            : Double(row.assumingMemoryBound(to: Float.self)[token])
    }
}

/// Holds the gradients that the forward pass formed.
struct TokenCrossEntropy: RecordedOperation {
    let rows: [Int32]
    let shape: [Int]
    let type: ElementType
    let rowGradients: Tensor?
    let headGradient: Tensor?

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let factor = gradient.scalar
        if let rowGradients {
            HeadProduct.scatter(
                rowGradients, factor: factor, rows: rows, shape: shape, type, &pass)
        }
        // This operation still owns it, so that scaling it would make a copy of the head's size.
        if let headGradient {
            pass.add(factor == 1 ? headGradient : headGradient * factor, to: 1)
        }
    }
}
