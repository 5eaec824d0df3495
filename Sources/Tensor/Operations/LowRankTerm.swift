import FledgeKernels

/// scaling·(dropout(x)·Aᵀ)·Bᵀ: what a low-rank adapter adds to a linear map (Hu et al. 2021).
public struct LowRankTerm {
    /// A, `[rank, inputs]`.
    public let down: Parameter
    /// B, `[outputs, rank]`.
    public let up: Parameter
    /// What the product is multiplied by, usually alpha / rank.
    public let scaling: Float
    /// Applied to `x` on this path only.
    public let dropout: Dropout?

    /// Creates a term.
    public init(down: Parameter, up: Parameter, scaling: Float, dropout: Dropout? = nil) {
        (self.down, self.up, self.scaling, self.dropout) = (down, up, scaling, dropout)
    }
}

/// A term at work in one product: with h = s·x·Aᵀ kept, dB = dyᵀ·h, dA = (s·dy·B)ᵀ·x and
/// dx = (s·dy·B)·A through the dropout.
struct LowRankUpdate {
    private let down: Tensor
    private let up: Tensor
    private let hidden: Tensor
    private let scaling: Double
    private let dropout: Dropout?

    private var rank: Int { down.shape[0] }

    /// - Parameter shape: Of the matrix that the term is added to.
    init(_ term: LowRankTerm, of shape: [Int], _ x: Tensor) {
        let sums = x.elementType.accumulator
        let (a, b) = (term.down.value.detached, term.up.value.detached)
        precondition(
            a.shape.count == 2 && b.shape == [shape[0], a.shape[0]] && a.shape[1] == shape[1],
            "linearProduct: matrix \(shape), \(term.down.name) \(a.shape), "
                + "\(term.up.name) \(b.shape)")
        (down, up) = (a.converted(to: sums), b.converted(to: sums))
        (scaling, dropout) = (Double(term.scaling), term.dropout)
        let (tokens, rank) = (x.shape[0], a.shape[0])
        let input = term.dropout.map { $0.apply(x) } ?? x.detached
        var hidden = Tensor(uninitialized: [tokens, rank], sums)
        multiply(
            Matrix(input), Matrix(down).transposed, into: hidden.freshPointer, sums, rows: tokens,
            columns: rank, depth: shape[1])
        hidden.scale(by: scaling)
        self.hidden = hidden
        withExtendedLifetime(input) {}
    }

    /// h·Bᵀ, to be added to the product; this value must outlive it.
    var forward: SecondProduct {
        SecondProduct(a: Matrix(hidden), b: Matrix(up).transposed, depth: rank)
    }

    /// Adds the gradients of A and B, inputs 3 and 4 of the operation.
    ///
    /// - Returns: s·dy·B, `[tokens, rank]`; nil when nobody needs it.
    func backward(_ dy: Tensor, _ x: Tensor?, _ pass: inout BackwardPass) -> Tensor? {
        let (tokens, outputs, sums) = (dy.shape[0], dy.shape[1], hidden.elementType)
        if pass.wants(4) {
            // (hᵀ·dy)ᵀ reads dy once and row by row; dyᵀ·h would have to transpose it.
            let turned = Tensor(uninitialized: [rank, outputs], sums)
            multiply(
                Matrix(hidden).transposed, Matrix(dy), into: turned.freshPointer, sums, rows: rank,
                columns: outputs, depth: tokens)
            pass.add(turned.transposed(), to: 4)
        }
        guard pass.wants(0) || pass.wants(3) else { return nil }
        // The product by few columns runs along the depth of both.
        let upTransposed = up.transposed()
        var inner = Tensor(uninitialized: [tokens, rank], sums)
        multiply(
            Matrix(dy), Matrix(upTransposed).transposed, into: inner.freshPointer, sums,
            rows: tokens, columns: rank, depth: outputs)
        inner.scale(by: scaling)
        withExtendedLifetime(upTransposed) {}
        if let x {
            let (input, inputs) = (dropout.map { $0.apply(x) } ?? x, x.shape[1])
            pass.accumulate(into: 3, shape: [rank, inputs], sums) { target, holdsSum in
                multiply(
                    Matrix(inner).transposed, Matrix(input), into: target, sums, rows: rank,
                    columns: inputs, depth: tokens, accumulating: holdsSum)
            }
            withExtendedLifetime(input) {}
        }
        return inner
    }

    /// inner·A, to be added to dy·W; nil where a dropout lies between. `inner` must outlive it.
    func inputGradient(_ inner: Tensor) -> SecondProduct? {
        dropout == nil ? SecondProduct(a: Matrix(inner), b: Matrix(down), depth: rank) : nil
    }

    /// Adds dropout(inner·A) to the gradient of `x`, input 0 of the operation.
    func addDroppedInputGradient(_ inner: Tensor, _ type: ElementType, _ pass: inout BackwardPass) {
        guard let dropout else { return }
        let (tokens, inputs) = (inner.shape[0], down.shape[1])
        let full = Tensor(uninitialized: [tokens, inputs], type)
        multiply(
            Matrix(inner), Matrix(down), into: full.freshPointer, type, rows: tokens,
            columns: inputs, depth: rank)
        pass.accumulate(into: 0, shape: full.shape, type) { target, holdsSum in
            dropout.apply(full, to: target, accumulating: holdsSum)
        }
    }
}

extension Tensor {
    /// The transpose of a small matrix of float32 or float64.
    package func transposed() -> Tensor {
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
