import FledgeKernels

/// (weight + offset)·round(x / sqrt(mean(x²) + epsilon)), row by row (Zhang and Sennrich 2019).
///
/// Statistics are float32. As in most of Hugging Face's models the normalised row is rounded to the type
/// of `x` before it is multiplied by the weight.
///
/// - Parameters:
///   - x: `[tokens, channels]`.
///   - weight: `[channels]`.
///   - offset: What is added to the weight.
///   - rounds: Whether the normalised row is rounded; only the result is otherwise.
public func rmsNormalized(
    _ x: Tensor, _ weight: Parameter, epsilon: Float, offset: Float = 0, rounds: Bool = true
) -> Tensor {
    precondition(
        x.shape.count == 2 && weight.value.shape == [x.shape[1]],
        "rmsNormalized: x \(x.shape), \(weight.name) \(weight.value.shape)")
    let type = x.elementType.accumulator
    let operation = RootMeanSquareNorm(
        x: x.detached, weight: weight.value.detached.converted(to: type),
        inverse: Tensor(uninitialized: [x.shape[0]], type), epsilon: epsilon, offset: offset,
        rounds: rounds)
    return operation.normalized()
        .recorded([x.tapeReference, weight.tapeReference], operation)
        .derivable(by: operation.normalized)
}

/// x / sqrt(mean(x²) + epsilon), row by row: the norm without a scale.
///
/// - Parameter x: `[tokens, channels]`.
public func rmsNormalized(_ x: Tensor, epsilon: Float) -> Tensor {
    precondition(x.shape.count == 2, "rmsNormalized: x \(x.shape)")
    let type = x.elementType.accumulator
    let ones = Tensor([Float](repeating: 1, count: x.shape[1]), shape: [x.shape[1]])
    let operation = RootMeanSquareNorm(
        x: x.detached, weight: ones.converted(to: type),
        inverse: Tensor(uninitialized: [x.shape[0]], type), epsilon: epsilon, offset: 0,
        rounds: false)
    return operation.normalized()
        .recorded([x.tapeReference, nil], operation)
        .derivable(by: operation.normalized)
}

/// With r the saved inverse, and w for w + offset: dx = r·w·dy - x·r³·mean(w·dy·x), dw = Σ dy·x·r.
struct RootMeanSquareNorm: RecordedOperation {
    let x: Tensor
    let weight: Tensor
    let inverse: Tensor
    let epsilon: Float
    let offset: Float
    let rounds: Bool

    /// The output; sets the inverse, to the same bits each time.
    func normalized() -> Tensor {
        let (rows, columns, type) = (x.shape[0], x.shape[1], x.elementType)
        let result = Tensor(uninitialized: x.shape, type)
        let (kernels, size, sumSize) = (
            Kernels.of(type), columns * type.byteCount, type.accumulator.byteCount
        )
        let (source, target, statistics) = (x.pointer, result.freshPointer, inverse.freshPointer)
        parallelRows(rows, columns: columns) { range in
            let first = range.lowerBound
            kernels.rms_forward(
                target + first * size, statistics + first * sumSize, source + first * size,
                weight.pointer, range.count, columns, Double(epsilon), Double(offset),
                rounds ? 1 : 0)
        }
        withExtendedLifetime((x, weight, inverse)) {}
        return result
    }

    /// Rows that add up their part of dw: fixed, so that the sum does not depend on the threads.
    private static let chunk = 64

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let (rows, columns, type) = (x.shape[0], x.shape[1], x.elementType)
        let sums = type.accumulator
        let chunks = (rows + Self.chunk - 1) / Self.chunk
        let parts = pass.wants(1) ? Tensor(zeros: [chunks, columns], sums) : nil
        func run(_ target: UnsafeMutableRawPointer?, _ holdsSum: Bool) {
            let (kernels, size) = (Kernels.of(type), columns * type.byteCount)
            parallelChunks(rows, size: Self.chunk) { range in
                let first = range.lowerBound
                kernels.rms_backward(
                    target.map { $0 + first * size },
                    parts.map { $0.freshPointer + first / Self.chunk * columns * sums.byteCount },
                    dy.pointer + first * size, x.pointer + first * size,
                    inverse.pointer + first * sums.byteCount, weight.pointer, range.count, columns,
                    holdsSum ? 1 : 0, Double(offset), rounds ? 1 : 0)
            }
        }
        if pass.wants(0) {
            pass.accumulate(into: 0, shape: x.shape, type) { target, holdsSum in
                run(target, holdsSum)
            }
        } else {
            run(nil, false)
        }
        if let parts {
            var sum = Tensor(zeros: [columns], sums)
            sum.withUnsafeMutableBytes { bytes in
                guard let target = bytes.baseAddress else { return }
                Kernels.of(sums).sum_rows(target, parts.pointer, chunks, columns)
            }
            pass.add(sum, to: 1)
        }
        withExtendedLifetime((dy, x, weight, inverse, parts)) {}
    }
}
