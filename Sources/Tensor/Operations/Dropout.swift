import FledgeKernels

/// Which elements survive: a function of each token's key and the channel, so that the backward pass
/// draws the same mask again and no order of computing changes it.
public struct Dropout {
    /// Probability that an element is set to zero; the others are divided by 1 - probability.
    public let probability: Float
    /// One key a token; the channel is the counter.
    public let rowKeys: [UInt64]

    /// Creates a mask.
    public init(probability: Float, rowKeys: [UInt64]) {
        precondition(
            probability >= 0 && probability < 1, "Dropout: probability \(probability)")
        (self.probability, self.rowKeys) = (probability, rowKeys)
    }

    /// The masked copy of a tensor, outside the tape.
    func apply(_ x: Tensor) -> Tensor {
        let result = Tensor(uninitialized: x.shape, x.elementType)
        apply(x, to: result.freshPointer, accumulating: false)
        return result
    }

    /// Sets, or adds to, `target`.
    func apply(_ x: Tensor, to target: UnsafeMutableRawPointer, accumulating: Bool) {
        precondition(
            x.shape.count == 2 && x.shape[0] == rowKeys.count,
            "dropout: x \(x.shape), \(rowKeys.count) keys")
        let (columns, source, kernels) = (x.shape[1], x.pointer, Kernels.of(x.elementType))
        let size = columns * x.elementType.byteCount
        parallelRows(x.shape[0], columns: columns) { rows in
            for row in rows {
                kernels.dropout(
                    target + row * size, source + row * size, rowKeys[row], columns,
                    Double(probability), accumulating ? 1 : 0)
            }
        }
        withExtendedLifetime(x) {}
    }
}

/// Sets elements to zero at random and scales the others by 1 / (1 - probability).
///
/// - Parameter x: `[tokens, channels]`.
public func dropout(_ x: Tensor, _ dropout: Dropout) -> Tensor {
    dropout.apply(x).recorded([x.tapeReference], DropoutOperation(dropout: dropout))
}

/// The gradient passes where the element did.
struct DropoutOperation: RecordedOperation {
    let dropout: Dropout

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let dy = gradient
        pass.accumulate(into: 0, shape: dy.shape, dy.elementType) { target, holdsSum in
            dropout.apply(dy, to: target, accumulating: holdsSum)
        }
    }
}
