import FledgeKernels

/// A dense array of numbers, row by row, with the value semantics of an array.
///
/// Copies share their bytes until one of them is written to. A tensor that was computed from a
/// tracked one knows its place on the tape of ``valueAndGradients(of:_:)``. Tensors stay on the
/// thread that made them; batches and reports are what crosses threads.
public struct Tensor {
    /// Sizes of the dimensions, the slowest first; empty for a single number.
    public let shape: [Int]
    /// What the elements are stored as.
    public let elementType: ElementType
    var storage: Storage
    var reference: TapeReference?
    /// How operations that save this value can compute it again.
    var derivation: Derivation?

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }

    init(storage: Storage, shape: [Int], _ type: ElementType, reference: TapeReference? = nil) {
        (self.storage, self.shape, elementType) = (storage, shape, type)
        self.reference = reference
    }

    /// Creates a tensor whose elements have no value yet.
    package init(uninitialized shape: [Int], _ type: ElementType) {
        precondition(shape.allSatisfy { $0 >= 0 }, "Tensor: negative size in shape \(shape)")
        let bytes = shape.reduce(1, *) * type.byteCount
        self.init(storage: Storage(byteCount: bytes), shape: shape, type)
    }

    /// Creates a tensor of zeros.
    public init(zeros shape: [Int], _ type: ElementType = .float32) {
        self.init(uninitialized: shape, type)
        withUnsafeMutableBytes { bytes in
            _ = bytes.initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Creates a float32 tensor from its elements.
    public init(_ scalars: [Float], shape: [Int]) {
        self.init(uninitialized: shape, .float32)
        precondition(
            scalars.count == count, "Tensor: \(scalars.count) scalars for shape \(shape)")
        withUnsafeMutableBytes { target in scalars.withUnsafeBytes { target.copyMemory(from: $0) } }
    }

    /// Creates a float64 tensor from its elements.
    public init(_ scalars: [Double], shape: [Int]) {
        self.init(uninitialized: shape, .float64)
        precondition(
            scalars.count == count, "Tensor: \(scalars.count) scalars for shape \(shape)")
        withUnsafeMutableBytes { target in scalars.withUnsafeBytes { target.copyMemory(from: $0) } }
    }

    /// Creates a tensor over bytes that belong to `owner`, such as a mapped file.
    ///
    /// The bytes are never written: the first write to the tensor copies them. They need no
    /// alignment beyond that of a byte.
    public init(
        borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject, shape: [Int],
        _ type: ElementType
    ) {
        precondition(
            bytes.count == shape.reduce(1, *) * type.byteCount,
            "Tensor: \(bytes.count) bytes for \(type) of shape \(shape)")
        self.init(storage: Storage(borrowing: bytes, owner: owner), shape: shape, type)
    }

    /// The same elements in another shape.
    public func reshaped(_ shape: [Int]) -> Tensor {
        precondition(
            shape.reduce(1, *) == count, "reshaped: \(self.shape) cannot become \(shape)")
        return Tensor(storage: storage, shape: shape, elementType)
            .recorded([tapeReference], Reshaping(shape: self.shape))
    }
}

@available(*, unavailable)
extension Tensor: Sendable {}

extension Tensor: CustomStringConvertible {
    /// Type and shape, and the elements when they are few.
    public var description: String {
        "\(elementType)\(shape)" + (count <= 16 ? " \(doubles())" : "")
    }
}
