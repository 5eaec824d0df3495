import FledgeKernels

extension Tensor {
    /// Gives the elements' bytes to read.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        defer { withExtendedLifetime(storage) {} }
        return try body(
            UnsafeRawBufferPointer(start: storage.pointer, count: count * elementType.byteCount))
    }

    /// Gives the elements' bytes to change; copies them first when they are shared or borrowed.
    ///
    /// Traps on a tracked tensor: the tape would not know of the change.
    public mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        requireUntracked("withUnsafeMutableBytes")
        makeUnique()
        defer { withExtendedLifetime(storage) {} }
        return try body(
            UnsafeMutableRawBufferPointer(
                start: storage.pointer, count: count * elementType.byteCount))
    }

    /// Gives the elements of a float32 tensor to read.
    public func withFloats<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
        precondition(elementType == .float32, "withFloats: tensor of \(elementType)")
        return try withUnsafeBytes { bytes in try bytes.withMemoryRebound(to: Float.self, body) }
    }

    /// Gives the elements of a float32 tensor to change.
    public mutating func withMutableFloats<R>(
        _ body: (UnsafeMutableBufferPointer<Float>) throws -> R
    ) rethrows -> R {
        precondition(elementType == .float32, "withMutableFloats: tensor of \(elementType)")
        return try withUnsafeMutableBytes { bytes in
            try bytes.withMemoryRebound(to: Float.self, body)
        }
    }

    /// The elements as float32.
    public func scalars() -> [Float] {
        let source = converted32
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(
                from: UnsafeRawBufferPointer(start: source.storage.pointer, count: count * 4))
            withExtendedLifetime(source) {}
            initialized = count
        }
    }

    /// The elements as float64.
    public func doubles() -> [Double] {
        guard elementType == .float64 else { return scalars().map(Double.init) }
        return withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: Double.self) { Array($0) }
        }
    }

    /// The number that a tensor of one element holds.
    public var scalar: Double {
        precondition(count == 1, "scalar: shape \(shape) has \(count) elements")
        return doubles()[0]
    }

    private var converted32: Tensor { detached.converted(to: .float32) }

    /// The bytes that it holds in the buffer pool; none where they are those of a file.
    package var ownedByteCount: Int {
        storage.owner == nil ? BufferPool.sizeClass(storage.byteCount) : 0
    }

    /// Some slices along the first dimension, which follow each other: they share the memory, and are not
    /// tracked.
    package func rows(_ range: Range<Int>) -> Tensor {
        precondition(
            !shape.isEmpty && range.lowerBound >= 0 && range.upperBound <= shape[0],
            "rows: \(range) of \(shape)")
        let size = shape.dropFirst().reduce(elementType.byteCount, *)
        let bytes = UnsafeRawBufferPointer(
            start: storage.pointer + range.lowerBound * size, count: range.count * size)
        return Tensor(
            borrowing: bytes, owner: storage, shape: [range.count] + shape.dropFirst(), elementType)
    }

    /// The same elements in memory of their own, where they were those of a file.
    package func owned() -> Tensor {
        guard storage.owner != nil else { return detached }
        var copy = detached
        copy.makeUnique()
        return copy
    }

    /// Whether a write would change nobody else's elements.
    var isUniquelyHeld: Bool {
        mutating get { storage.owner == nil && isKnownUniquelyReferenced(&storage) }
    }

    mutating func makeUnique() {
        guard !isUniquelyHeld else { return }
        let fresh = Storage(byteCount: count * elementType.byteCount)
        fresh.pointer.copyMemory(
            from: storage.pointer, byteCount: count * elementType.byteCount)
        storage = fresh
    }

    /// Where the bytes are; valid while the tensor lives (see `withExtendedLifetime`).
    var pointer: UnsafeRawPointer { UnsafeRawPointer(storage.pointer) }

    /// Where the bytes of a tensor that was just created can be written.
    var freshPointer: UnsafeMutableRawPointer { storage.pointer }
}
