import FledgeKernels

/// base + scaling·(dropout(x)·Aᵀ)·Bᵀ: what a low-rank adapter adds (Hu et al. 2021).
///
/// - Parameters:
///   - base: `[tokens, outputs]`; changed in place when nobody else holds it.
///   - x: `[tokens, inputs]`.
///   - down: A, `[rank, inputs]`.
///   - up: B, `[outputs, rank]`.
///   - scaling: What the product is multiplied by, usually alpha / rank.
///   - dropout: Applied to `x` on this path only.
public func lowRankUpdated(
    _ base: consuming Tensor, _ x: Tensor, down: Parameter, up: Parameter, scaling: Float,
    dropout: Dropout? = nil
) -> Tensor {
    let (a, b) = (
        down.value.matched(to: x.elementType), up.value.matched(to: x.elementType)
    )
    precondition(
        x.shape.count == 2 && base.shape == [x.shape[0], b.shape[0]] && a.shape.count == 2
            && b.shape.count == 2 && a.shape[0] == b.shape[1] && a.shape[1] == x.shape[1]
            && base.elementType == x.elementType,
        "lowRankUpdated: base \(base.elementType)\(base.shape), x \(x.elementType)\(x.shape), "
            + "\(down.name) \(a.shape), \(up.name) \(b.shape)")
    let (tokens, inputs, outputs, rank) = (x.shape[0], x.shape[1], b.shape[0], a.shape[0])
    let input = dropout.map { $0.apply(x) } ?? x.detached
    var hidden = Tensor(uninitialized: [tokens, rank], x.elementType.accumulator)
    multiply(
        Matrix(input), Matrix(a).transposed, into: hidden.freshPointer, hidden.elementType,
        rows: tokens, columns: rank, depth: inputs)
    hidden.scale(by: Double(scaling))
    let baseReference = base.tapeReference
    var result = base
    result.reference = nil
    result.makeUnique()
    multiply(
        Matrix(hidden), Matrix(b).transposed, into: result.freshPointer, result.elementType,
        rows: tokens, columns: outputs, depth: rank, accumulating: true)
    withExtendedLifetime((input, a, b, hidden)) {}
    return result.recorded(
        [baseReference, x.tapeReference, down.tapeReference, up.tapeReference],
        LowRankUpdate(
            x: x.saved, down: a, up: b, hidden: hidden, scaling: Double(scaling),
            dropout: dropout))
}

/// With h = s·x·Aᵀ kept: dB = dyᵀ·h, dA = (s·dy·B)ᵀ·x, dx = (s·dy·B)·A through the dropout.
struct LowRankUpdate: RecordedOperation {
    let x: SavedTensor
    let down: Tensor
    let up: Tensor
    let hidden: Tensor
    let scaling: Double
    let dropout: Dropout?

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        let (tokens, inputs, outputs) = (x.shape[0], x.shape[1], up.shape[0])
        let (rank, sums) = (down.shape[0], hidden.elementType)
        if pass.wants(3) {
            // (hᵀ·dy)ᵀ reads dy once and row by row; dyᵀ·h would have to transpose it.
            let turned = Tensor(uninitialized: [rank, outputs], sums)
            multiply(
                Matrix(hidden).transposed, Matrix(dy), into: turned.freshPointer, sums, rows: rank,
                columns: outputs, depth: tokens)
            pass.add(turned.transposed(), to: 3)
        }
        if pass.wants(1) || pass.wants(2) {
            var inner = Tensor(uninitialized: [tokens, rank], sums)
            multiply(
                Matrix(dy), Matrix(up), into: inner.freshPointer, sums, rows: tokens,
                columns: rank, depth: outputs)
            inner.scale(by: scaling)
            if pass.wants(2) {
                let input = dropout.map { $0.apply(x.tensor) } ?? x.tensor
                pass.accumulate(into: 2, shape: [rank, inputs], sums) { target, holdsSum in
                    multiply(
                        Matrix(inner).transposed, Matrix(input), into: target, sums, rows: rank,
                        columns: inputs, depth: tokens, accumulating: holdsSum)
                }
                withExtendedLifetime(input) {}
            }
            propagate(inner, x.elementType, &pass)
        }
        pass.add(dy, to: 0)
    }

    private func propagate(_ inner: Tensor, _ type: ElementType, _ pass: inout BackwardPass) {
        guard pass.wants(1) else { return }
        let (tokens, inputs, rank) = (x.shape[0], x.shape[1], down.shape[0])
        guard let dropout else {
            pass.accumulate(into: 1, shape: x.shape, type) { target, holdsSum in
                multiply(
                    Matrix(inner), Matrix(down), into: target, type, rows: tokens, columns: inputs,
                    depth: rank, accumulating: holdsSum)
            }
            return
        }
        let dropped = Tensor(uninitialized: x.shape, type)
        multiply(
            Matrix(inner), Matrix(down), into: dropped.freshPointer, type, rows: tokens,
            columns: inputs, depth: rank)
        pass.accumulate(into: 1, shape: x.shape, type) { target, holdsSum in
            dropout.apply(dropped, to: target, accumulating: holdsSum)
        }
    }
}

extension Tensor {
    /// The transpose of a small matrix of float32 or float64.
    func transposed() -> Tensor {
        let (rows, columns) = (shape[0], shape[1])
        let result = Tensor(uninitialized: [columns, rows], elementType)
        func turn<Scalar>(_ scalar: Scalar.Type) {
            let source = pointer.assumingMemoryBound(to: scalar)
            let target = result.freshPointer.assumingMemoryBound(to: scalar)
            for column in 0..<columns {
                for row in 0..<rows { target[column * rows + row] = source[row * columns + column] }
            }
        }
        if elementType == .float64 { turn(Double.self) } else { turn(Float.self) }
        withExtendedLifetime(self) {}
        return result
    }
}
