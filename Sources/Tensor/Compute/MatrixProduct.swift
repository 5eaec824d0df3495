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

/// C[rows, columns] = A[rows, depth]·B[depth, columns] (+ bias), or C += when `accumulating`.
func multiply(
    _ a: Matrix, _ b: Matrix, into c: UnsafeMutableRawPointer, _ type: ElementType, rows: Int,
    columns: Int, depth: Int, accumulating: Bool = false, bias: Tensor? = nil
) {
    guard rows > 0, columns > 0 else { return }
    var product = fledge_product(
        rows: rows, columns: columns, depth: depth, a: a.pointer, a_type: Int32(a.type.rawValue),
        a_row: a.rowStride, a_depth: a.columnStride, b: b.pointer, b_type: Int32(b.type.rawValue),
        b_column: b.columnStride, b_depth: b.rowStride, c: c, c_type: Int32(type.rawValue),
        c_row: columns, accumulate: accumulating ? 1 : 0, bias: bias?.pointer)
    fledge_kernels().pointee.product(&product)
    withExtendedLifetime(bias) {}
}

extension Tensor {
    /// This weight in a type that can be multiplied with activations of `type`.
    func matched(to type: ElementType) -> Tensor {
        (type == .float64) == (elementType == .float64) ? detached : detached.converted(to: type)
    }
}
