import FledgeKernels

/// The matrix of a linear map, shape `[outputs, inputs]`.
public enum LinearMatrix {
    /// A plain matrix, frozen or trained, in any element type.
    case plain(Parameter)
    /// A frozen matrix in blocks of few bits, expanded panel by panel as products read it.
    case quantized(QuantizedMatrix)

    /// `[outputs, inputs]`.
    public var shape: [Int] {
        switch self {
        case .plain(let parameter): parameter.value.shape
        case .quantized(let blocks): blocks.shape
        }
    }

    /// The name that checkpoints know the matrix by.
    public var name: String {
        switch self {
        case .plain(let parameter): parameter.name
        case .quantized(let blocks): blocks.name
        }
    }

    var tapeReference: TapeReference? {
        guard case .plain(let parameter) = self else { return nil }
        return parameter.tapeReference
    }

    /// The matrix as products with activations of `type` read it.
    func factor(for type: ElementType) -> Factor {
        switch self {
        case .plain(let parameter): .plain(parameter.value.matched(to: type))
        case .quantized(let blocks): .quantized(blocks)
        }
    }

    /// A right-hand factor outside the tape.
    enum Factor {
        case plain(Tensor)
        case quantized(QuantizedMatrix)

        /// C = A·Wᵀ where `transposed`, else A·W (+ second) (+ bias), or C += when `accumulating`.
        func multiply(
            _ a: Tensor, transposed: Bool, into c: UnsafeMutableRawPointer,
            accumulating: Bool = false, bias: Tensor? = nil, second: SecondProduct? = nil,
            order: ProductOrder = .blocks
        ) {
            let (rows, type) = (a.shape[0], a.elementType)
            switch self {
            case .plain(let matrix):
                let (outputs, inputs) = (matrix.shape[0], matrix.shape[1])
                FledgeTensor.multiply(
                    Matrix(a), transposed ? Matrix(matrix).transposed : Matrix(matrix), into: c,
                    type, rows: rows, columns: transposed ? outputs : inputs,
                    depth: transposed ? inputs : outputs, accumulating: accumulating, bias: bias,
                    second: second, order: order)
                withExtendedLifetime(matrix) {}
            case .quantized(let blocks):
                FledgeTensor.multiply(
                    Matrix(a), blocks, transposed: transposed, into: c, type, rows: rows,
                    accumulating: accumulating, bias: bias, second: second, order: order)
            }
            withExtendedLifetime(a) {}
        }
    }
}
