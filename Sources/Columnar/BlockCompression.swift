package import FledgeCore

/// The compressions of Parquet's pages, by their numbers in the format.
package enum BlockCompression {
    /// Expands a block to exactly `size` bytes.
    package static func expand(
        _ input: UnsafeRawBufferPointer, codec: Int, size: Int, column: String,
        fail: @escaping (String) -> FledgeError
    ) throws -> [UInt8] {
        let names = [3: "LZO", 4: "Brotli", 5: "LZ4 as Hadoop frames it", 7: "LZ4"]
        let file = fail("").location?.file ?? ""
        let output: [UInt8]
        switch codec {
        case 1: output = try Snappy.expand(input, limit: size, fail: fail)
        case 2: output = try collect(size, fail) { try Gzip.expand(input, file: file, write: $0) }
        case 6:
            output = try collect(size, fail) {
                try Zstandard.expand(input, file: file, write: $0)
            }
        default:
            guard let name = names[codec] else { throw fail("an unknown compression") }
            throw FledgeError(
                .unsupported,
                "The column \(column) is compressed by \(name), which cannot be read.",
                advice: "Write the file with snappy, gzip or zstd.",
                at: FledgeError.Location(file: file))
        }
        guard output.count == size else {
            throw fail("\(output.count) bytes in a page, where it says \(size)")
        }
        return output
    }

    private static func collect(
        _ size: Int, _ fail: @escaping (String) -> FledgeError,
        _ expand: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws -> [UInt8] {
        let result = Output()
        try expand { piece in
            // A small page cannot be made to fill the memory.
            guard piece.count <= size - result.bytes.count else {
                throw fail("more bytes in a page than it says")
            }
            result.bytes.append(contentsOf: piece)
        }
        return result.bytes
    }

    private final class Output { var bytes: [UInt8] = [] }
}
