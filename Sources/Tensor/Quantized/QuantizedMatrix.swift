public import FledgeCore
import FledgeKernels

/// A frozen matrix in blocks of few bits, which products expand piece by piece and never as a whole.
///
/// Immutable, and no input of the tape: gradients pass through products with it to activations only.
public final class QuantizedMatrix {
    /// The name that checkpoints know the plain matrix by.
    public let name: String
    /// `[rows, columns]`.
    public let shape: [Int]
    /// How the elements are kept.
    public let format: QuantizedFormat
    /// Codes or blocks.
    let data: Storage
    /// Of blocks or rows, or of groups of nested scales; nil where blocks hold their own.
    let scales: Tensor?
    let nested: NestedScales?

    /// Scales of blocks, quantised themselves: `values[bytes[b]]·scales[b / 256] + offset`.
    struct NestedScales {
        let bytes: Storage
        let offset: Float
    }

    /// Number of elements.
    public var count: Int { shape[0] * shape[1] }

    /// Bytes that codes, blocks and scales take.
    public var byteCount: Int {
        data.byteCount + (scales?.count ?? 0) * 4 + (nested?.bytes.byteCount ?? 0)
    }

    /// Bytes that belong to no mapped file.
    package var ownedByteCount: Int { data.owner == nil ? byteCount : 0 }

    init(
        _ name: String, shape: [Int], _ format: QuantizedFormat, data: Storage,
        scales: Tensor? = nil, nested: NestedScales? = nil
    ) {
        (self.name, self.shape, self.format) = (name, shape, format)
        (self.data, self.scales, self.nested) = (data, scales, nested)
    }

    /// Takes over blocks of a GGUF file, whose bytes are borrowed.
    ///
    /// - Parameters:
    ///   - bytes: The blocks, row by row.
    ///   - shape: `[rows, columns]`; a row is a whole number of blocks.
    ///   - owner: Keeps the bytes alive.
    public init(
        _ name: String, borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject,
        _ type: GGUFBlockType, shape: [Int]
    ) {
        let format = QuantizedFormat.ggml(type)
        precondition(
            format.isSupported && shape.count == 2 && shape[1] % type.blockCount == 0
                && bytes.count == shape[0] * shape[1] / type.blockCount * type.blockByteCount,
            "\(name): \(bytes.count) bytes of \(type) for shape \(shape)")
        (self.name, self.shape, self.format) = (name, shape, format)
        data = Storage(borrowing: bytes, owner: owner)
        (scales, nested) = (nil, nil)
    }

    /// The matrix whose row `i` is this one's row `rows[i]`, for blocks of GGUF files.
    public func reordered(rows: [Int]) -> QuantizedMatrix {
        guard case .ggml = format else {
            preconditionFailure("\(name): rows of \(format) cannot be moved")
        }
        precondition(rows.count == shape[0], "\(name): \(rows.count) rows of \(shape[0])")
        let result = Storage(byteCount: data.byteCount)
        for (target, source) in rows.enumerated() {
            (result.pointer + target * rowByteCount).copyMemory(
                from: data.pointer + source * rowByteCount, byteCount: rowByteCount)
        }
        return QuantizedMatrix(name, shape: shape, format, data: result)
    }

    private var rowByteCount: Int { shape[0] == 0 ? 0 : data.byteCount / shape[0] }

    /// Gives the kernels' view of the matrix and its format's number.
    func withBlocks<R>(_ body: (UnsafePointer<fledge_blocks>, Int32) -> R) -> R {
        let (codes, nestedCodes): ([Float], [Float]) =
            switch format {
            case .fourBit(let code, _): (code.values, nested == nil ? [] : DynamicMap.values)
            case .int8, .ggml: ([], [])
            }
        defer { withExtendedLifetime(self) {} }
        guard let number = format.kernelFormat else {
            preconditionFailure("\(name): no products with \(format)")
        }
        return codes.withUnsafeBufferPointer { codes in
            nestedCodes.withUnsafeBufferPointer { nestedCodes in
                var blocks = fledge_blocks(
                    columns: shape[1], row_bytes: rowByteCount,
                    data: UnsafePointer(data.pointer.assumingMemoryBound(to: UInt8.self)),
                    scales: scales?.pointer.assumingMemoryBound(to: Float.self),
                    codes: codes.baseAddress,
                    nested: (nested?.bytes.pointer).map {
                        UnsafePointer($0.assumingMemoryBound(to: UInt8.self))
                    }, nested_codes: nestedCodes.baseAddress, nested_offset: nested?.offset ?? 0)
                return body(&blocks, number)
            }
        }
    }

    /// All elements as a plain tensor: for merging and inspection.
    public func expanded(as type: ElementType) -> Tensor {
        expandedRows(Array(0..<shape[0]), as: type)
    }

    /// Rows that follow each other, as a plain tensor.
    package func expanded(rows: Range<Int>, as type: ElementType) -> Tensor {
        expandedRows(Array(rows), as: type)
    }

    /// Some rows as a plain tensor, one after another.
    func expandedRows(_ sources: [Int], as type: ElementType) -> Tensor {
        let columns = shape[1]
        let result = Tensor(uninitialized: [sources.count, columns], type)
        let first = UInt(bitPattern: result.freshPointer)
        let expand = fledge_kernels().pointee.expand
        withBlocks { blocks, number in
            parallelRows(sources.count, columns: columns) { rows in
                for row in rows {
                    guard
                        let target = UnsafeMutableRawPointer(
                            bitPattern: first + UInt(row * columns * type.byteCount))
                    else { continue }
                    expand(target, Int32(type.rawValue), blocks, number, sources[row], 0, columns)
                }
            }
        }
        return result
    }
}

extension QuantizedMatrix {
    /// What is stored, for comparisons with other programs.
    package var dataBytes: [UInt8] {
        [UInt8](UnsafeRawBufferPointer(start: data.pointer, count: data.byteCount))
    }

    package var scaleValues: [Float] { scales?.scalars() ?? [] }

    package var nestedScales: (bytes: [UInt8], offset: Float)? {
        nested.map { nested in
            let bytes = nested.bytes
            return (
                [UInt8](UnsafeRawBufferPointer(start: bytes.pointer, count: bytes.byteCount)),
                nested.offset
            )
        }
    }

    package static var dynamicMap: [Float] { DynamicMap.values }
}
