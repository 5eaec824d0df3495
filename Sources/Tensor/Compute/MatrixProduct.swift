import FledgeKernels

/// A matrix in memory with one of its strides being 1.
struct Matrix {
    var pointer: UnsafeRawPointer
    var type: ElementType
    var rowStride: Int
    var columnStride: Int

    init(_ pointer: UnsafeRawPointer, _ type: ElementType, rowStride: Int, columnStride: Int = 1) {
        (self.pointer, self.type) = (pointer, type)
        (self.rowStride, self.columnStride) = (rowStride, columnStride)
    }

    /// The rows of a tensor of two dimensions, from `row` on; the tensor must outlive the matrix.
    init(_ tensor: Tensor, from row: Int = 0) {
        let columns = tensor.shape[1]
        self.init(
            tensor.pointer + row * columns * tensor.elementType.byteCount, tensor.elementType,
            rowStride: columns)
    }

    var transposed: Matrix {
        Matrix(pointer, type, rowStride: columnStride, columnStride: rowStride)
    }
}

/// The order that a product adds its terms in, which decides its bits and how fast it is for how many
/// rows.
public enum ProductOrder: Int, Sendable {
    /// For many rows: the matrix is packed, and every row uses it from the caches.
    case blocks
    /// For few rows, as in generation: the matrix is read once as it lies.
    case lanes
}

/// A product of small depth, in the type of the sums, that another one adds to each block of its
/// result while it is in the caches.
struct SecondProduct {
    /// `[rows, depth]`, its rows contiguous.
    var a: Matrix
    /// `[depth, columns]`.
    var b: Matrix
    var depth: Int
}

/// C[rows, columns] = A[rows, depth]·B[depth, columns] (+ second) (+ bias), or C += when
/// `accumulating`.
func multiply(
    _ a: Matrix, _ b: Matrix, into c: UnsafeMutableRawPointer, _ type: ElementType, rows: Int,
    columns: Int, depth: Int, accumulating: Bool = false, bias: Tensor? = nil,
    second: SecondProduct? = nil, order: ProductOrder = .blocks
) {
    let product = fledge_product(
        rows: rows, columns: columns, depth: depth, a: a.pointer, a_type: Int32(a.type.rawValue),
        a_row: a.rowStride, a_depth: a.columnStride, b: b.pointer, b_type: Int32(b.type.rawValue),
        b_column: b.columnStride, b_depth: b.rowStride, c: c, c_type: Int32(type.rawValue),
        c_row: columns, accumulate: accumulating ? 1 : 0, bias: bias?.pointer, second: nil,
        by_lanes: Int32(order.rawValue))
    run(product, second)
    withExtendedLifetime(bias) {}
}

/// C[rows, …] = A·W or A·Wᵀ (+ second) (+ bias), or C += when `accumulating`.
func multiply(
    _ a: Matrix, _ weight: QuantizedMatrix, transposed: Bool, into c: UnsafeMutableRawPointer,
    _ type: ElementType, rows: Int, accumulating: Bool = false, bias: Tensor? = nil,
    second: SecondProduct? = nil, order: ProductOrder = .blocks
) {
    let (columns, depth) =
        transposed ? (weight.shape[0], weight.shape[1]) : (weight.shape[1], weight.shape[0])
    weight.withBlocks { blocks, format in
        let product = fledge_product(
            rows: rows, columns: columns, depth: depth, a: a.pointer,
            a_type: Int32(a.type.rawValue), a_row: a.rowStride, a_depth: a.columnStride,
            b: UnsafeRawPointer(blocks), b_type: format, b_column: transposed ? 0 : 1,
            b_depth: transposed ? 1 : 0, c: c, c_type: Int32(type.rawValue), c_row: columns,
            accumulate: accumulating ? 1 : 0, bias: bias?.pointer, second: nil,
            by_lanes: Int32(order.rawValue))
        run(product, second)
    }
    withExtendedLifetime(bias) {}
}

private func run(_ product: fledge_product, _ second: SecondProduct?) {
    guard product.rows > 0, product.columns > 0 else { return }
    var product = product
    let depth = product.depth + (second?.depth ?? 0)
    let operations = 2 * Double(product.rows) * Double(product.columns) * Double(depth)
    OperationProfile.measureProduct(operations) {
        if Kernels.products == .openblas, multiplyByOpenBLAS(product, second) { return }
        guard let second else {
            fledge_kernels().pointee.product(&product)
            return
        }
        let sums = ElementType(rawValue: UInt8(product.c_type))?.accumulator
        precondition(
            second.a.columnStride == 1 && second.a.type == sums && second.b.type == sums,
            "multiply: a second product of another type")
        var low = fledge_second_product(
            depth: second.depth, a: second.a.pointer, a_row: second.a.rowStride,
            b: second.b.pointer, b_column: second.b.columnStride, b_depth: second.b.rowStride)
        withUnsafePointer(to: &low) { low in
            product.second = low
            fledge_kernels().pointee.product(&product)
        }
    }
}

/// Whether the product is one for OpenBLAS; computes it then.
private func multiplyByOpenBLAS(_ product: fledge_product, _ second: SecondProduct?) -> Bool {
    func run<Scalar: BLASScalar>(_ type: Scalar.Type) -> Bool {
        guard let tiles = OpenBLASProduct<Scalar>(product, second) else { return false }
        tiles.run()
        return true
    }
    let isDouble = product.c_type == Int32(ElementType.float64.rawValue)
    return isDouble ? run(Double.self) : run(Float.self)
}

extension Tensor {
    /// This weight in a type that can be multiplied with activations of `type`.
    func matched(to type: ElementType) -> Tensor {
        (type == .float64) == (elementType == .float64) ? detached : detached.converted(to: type)
    }
}
