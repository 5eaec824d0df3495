public import FledgeCore
import FledgeKernels

/// Hidden states and head of another model, whose distribution a loss compares with.
public struct ReferenceLogits {
    /// `[tokens, channels]`, of the same run of tokens.
    public var hidden: Tensor
    /// The head, of the same vocabulary.
    public var head: LanguageHead

    /// Creates the pair.
    public init(hidden: Tensor, head: LanguageHead) { (self.hidden, self.head) = (hidden, head) }
}

/// Σ weightᵢ·lossᵢ over predictions, fused with the head.
///
/// Logits exist for a chunk of supervised rows at a time, those of a reference too. When something is
/// tracked the gradient is formed there and then, so that the backward pass only scales it.
///
/// - Parameters:
///   - hidden: `[tokens, channels]`.
///   - head: `[vocabulary, channels]`; its matrix may be trainable, and the embedding's parameter too.
///   - supervision: The predictions that count.
///   - loss: From a row of logits to its loss.
///   - reference: What ``LogitRow/divergence`` compares with.
///   - observe: Sees the logits of each prediction, by its place in the supervision, on whatever thread
///     computes it.
/// - Returns: A number, float32 (float64 for float64): the sum, not a mean.
public func headLoss(
    _ hidden: Tensor, head: LanguageHead, _ supervision: Supervision, _ loss: some TokenLoss,
    reference: ReferenceLogits? = nil,
    observe: ((_ prediction: Int, _ row: LogitRow) -> Void)? = nil
) -> Tensor {
    let product = HeadProduct(hidden, head, supervision, "headLoss")
    let other = reference.map {
        ReferenceChunk(HeadProduct($0.hidden, $0.head, supervision, "headLoss"), product)
    }
    let sums = product.sums
    let rowGradients =
        hidden.isTracked ? Tensor(uninitialized: product.rows.shape, sums) : nil
    let headGradient =
        head.matrix.tapeReference == nil
        ? nil
        : supervision.count == 0
            ? Tensor(zeros: product.shape, sums)
            : Tensor(uninitialized: product.shape, sums)
    let isWanted = rowGradients != nil || headGradient != nil
    let kernels = Kernels.of(sums)
    var losses = [Double](repeating: 0, count: supervision.count)
    losses.withUnsafeMutableBufferPointer { losses in
        let losses = losses
        product.forEachChunk { range, logits in
            let gradients = product.gradients(over: logits, isWide: loss.spreads)
            let writer = Kernels.of(gradients.type)
            other?.compute(range)
            parallelFor(range.count) { index in
                let row = logits + index * product.vocabulary * sums.byteCount
                let (target, weight) = (
                    Int(supervision.targets[range.lowerBound + index]),
                    Double(supervision.weights[range.lowerBound + index])
                )
                let logSum = kernels.log_sum_exp(row, product.vocabulary)
                let seen = LogitRow(
                    row, sums, count: product.vocabulary, logSum: logSum,
                    targetLogit: product.logit(row, target),
                    divergence: other?.divergence(index, of: row, logSum: logSum) ?? 0)
                observe?(range.lowerBound + index, seen)
                var slope = loss.slope(of: seen)
                // What is held against nothing is not pulled anywhere.
                if other == nil { slope.reference = 0 }
                losses[range.lowerBound + index] = weight * slope.value
                guard isWanted else { return }
                let total = slope.target + slope.uniform + slope.reference
                let pull = weight * product.slope
                product.withSlope(row) {
                    writer.probability_gradient(
                        row, row, logSum, product.vocabulary, target, pull * total)
                    guard loss.spreads else { return }
                    product.spread(row, target, slope, weight: pull)
                    other?.subtract(index, from: row, factor: pull * slope.reference)
                }
            }
            if isWanted {
                product.propagate(gradients, range, rows: rowGradients, head: headGradient)
            }
        }
    }
    withExtendedLifetime(other) {}
    return Tensor([losses.reduce(0, +)], shape: []).converted(to: sums).recorded(
        [hidden.tapeReference, head.matrix.tapeReference],
        HeadLoss(
            rows: supervision.rows, shape: hidden.shape, type: hidden.elementType,
            rowGradients: rowGradients, headGradient: headGradient))
}

extension HeadProduct {
    /// From the whole pull towards the target to the shares of target and uniform distribution.
    fileprivate func spread(
        _ row: UnsafeMutableRawPointer, _ target: Int, _ slope: TokenSlope, weight: Double
    ) {
        func add<Scalar: BinaryFloatingPoint>(_ scalar: Scalar.Type) {
            let row = row.assumingMemoryBound(to: scalar)
            row[target] += Scalar(weight * (slope.uniform + slope.reference))
            let share = Scalar(weight * slope.uniform / Double(vocabulary))
            guard share != 0 else { return }
            for token in 0..<vocabulary { row[token] -= share }
        }
        if sums == .float64 { add(Double.self) } else { add(Float.self) }
    }
}

/// Holds the gradients that the forward pass formed.
struct HeadLoss: RecordedOperation {
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
