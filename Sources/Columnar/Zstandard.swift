internal import FledgeCore

#if Zstandard
    internal import CZstd
#endif

/// Expands Zstandard data with the system's library, where the package was built with its trait.
package enum Zstandard {
    /// Whether the library is there.
    package static var isAvailable: Bool {
        #if Zstandard
            true
        #else
            false
        #endif
    }

    /// Hands over what some frames hold, piece by piece.
    ///
    /// - Parameter file: The name that errors give as the place.
    package static func expand(
        _ input: UnsafeRawBufferPointer, file: String,
        write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let location = FledgeError.Location(file: file)
        #if Zstandard
            guard !input.isEmpty else {
                throw FledgeError(
                    .fileCorrupt, "The Zstandard data is empty.", at: location)
            }
            guard let stream = ZSTD_createDCtx() else {
                throw FledgeError(.fileAccess, "No memory for expanding Zstandard.", at: location)
            }
            defer { ZSTD_freeDCtx(stream) }
            var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
            var piece = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
            var rest = 0
            try piece.withUnsafeMutableBytes { bytes in
                while source.pos < source.size || rest > 0 {
                    var target = ZSTD_outBuffer(dst: bytes.baseAddress, size: bytes.count, pos: 0)
                    let before = source.pos
                    rest = ZSTD_decompressStream(stream, &target, &source)
                    guard ZSTD_isError(rest) == 0 else {
                        throw FledgeError(
                            .fileCorrupt,
                            "The Zstandard data is damaged: "
                                + String(cString: ZSTD_getErrorName(rest)) + ".", at: location)
                    }
                    try write(UnsafeRawBufferPointer(rebasing: bytes[..<target.pos]))
                    guard target.pos > 0 || source.pos > before || rest == 0 else {
                        throw FledgeError(
                            .fileCorrupt, "The Zstandard data ends too early.", at: location)
                    }
                }
            }
        #else
            throw FledgeError(
                .unsupported, "The data is compressed by Zstandard, which this build cannot read.",
                advice: "Build with `--traits Zstandard` (it needs the package libzstd-dev), or "
                    + "write the data with gzip or snappy.", at: location)
        #endif
    }
}
