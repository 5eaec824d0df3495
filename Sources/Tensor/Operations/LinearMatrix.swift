import FledgeKernels

/// The matrix of a linear map, shape `[outputs, inputs]`: of a layer, of the head, or a table of
/// vectors.
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

    /// The plain matrix; nil when it is in blocks.
    public var parameter: Parameter? {
        guard case .plain(let parameter) = self else { return nil }
        return parameter
    }

    /// The matrix in blocks; nil when it is plain.
    public var blocks: QuantizedMatrix? {
        guard case .quantized(let blocks) = self else { return nil }
        return blocks
    }

    /// Replaces blocks by the plain matrix that they stand for.
    public mutating func dequantize(as type: ElementType) {
        guard let blocks else { return }
        self = .plain(Parameter(blocks.name, blocks.expanded(as: type)))
    }

    var tapeReference: TapeReference? { parameter?.tapeReference }

    /// Some rows, one after another.
    func gatheredRows(_ rows: [Int32], as type: ElementType) -> Tensor {
        switch self {
        case .plain(let parameter):
            parameter.value.detached.gatheredRows(rows).converted(to: type)
        case .quantized(let blocks): blocks.expandedRows(rows.map { Int($0) }, as: type)
        }
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

        /// Whether products with bfloat16 read it as bfloat16.
        var multipliesBfloat16: Bool {
            switch self {
            case .plain(let matrix): matrix.elementType == .bfloat16
            case .quantized: true
            }
        }

        /// C = A·Wᵀ where `transposed`, else A·W (+ second) (+ bias), or C += when `accumulating`.
        func multiply(
            _ a: Matrix, rows: Int, transposed: Bool, into c: UnsafeMutableRawPointer,
            _ type: ElementType, accumulating: Bool = false, bias: Tensor? = nil,
            second: SecondProduct? = nil, order: ProductOrder = .blocks
        ) {
            switch self {
            case .plain(let matrix):
                let (outputs, inputs) = (matrix.shape[0], matrix.shape[1])
                FledgeTensor.multiply(
                    a, transposed ? Matrix(matrix).transposed : Matrix(matrix), into: c,
                    type, rows: rows, columns: transposed ? outputs : inputs,
                    depth: transposed ? inputs : outputs, accumulating: accumulating, bias: bias,
                    second: second, order: order)
                withExtendedLifetime(matrix) {}
            case .quantized(let blocks):
                FledgeTensor.multiply(
                    a, blocks, transposed: transposed, into: c, type, rows: rows,
                    accumulating: accumulating, bias: bias, second: second, order: order)
            }
        }
    }
}
