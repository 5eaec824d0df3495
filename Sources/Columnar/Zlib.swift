package import FledgeCore

#if Zlib
    internal import CZlib
#endif

/// Check sums and compression by the system's zlib, where the package was built with its trait.
package enum Zlib {
    /// Whether the library is there.
    package static var isAvailable: Bool {
        #if Zlib
            true
        #else
            false
        #endif
    }

    /// The error of a build that was made without the library.
    ///
    /// - Parameters:
    ///   - what: What cannot be done, as a sentence without its stop.
    ///   - instead: What helps without another build.
    package static func missing(_ what: String, instead: String, file: String? = nil) -> FledgeError
    {
        FledgeError(
            .unsupported, "\(what): this build has no zlib.",
            advice: "Build with the trait Zlib, which is on by default (it needs the package "
                + "zlib1g-dev), or \(instead).",
            at: file.map { FledgeError.Location(file: $0) })
    }

    /// The check sum CRC-32 of bytes (ISO 3309); `nil` without the library.
    package static func cyclicRedundancyCheck(_ bytes: UnsafeRawBufferPointer) -> UInt32? {
        #if Zlib
            let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            // Of no bytes the library makes the sum that an empty text has, 0, too.
            return UInt32(truncatingIfNeeded: crc32_z(0, start, bytes.count))
        #else
            return nil
        #endif
    }

    /// Bytes as a zlib stream (RFC 1950), as PNG has them.
    ///
    /// - Throws: ``FledgeError`` without the library.
    package static func compressed(_ bytes: [UInt8]) throws -> [UInt8] {
        #if Zlib
            var size = compressBound(uLong(bytes.count))
            var result = [UInt8](repeating: 0, count: Int(size))
            let status = result.withUnsafeMutableBufferPointer { target in
                bytes.withUnsafeBufferPointer { source in
                    compress2(
                        target.baseAddress, &size, source.baseAddress, uLong(source.count),
                        Z_DEFAULT_COMPRESSION)
                }
            }
            guard status == Z_OK else {
                throw FledgeError(.fileAccess, "No memory for compressing \(bytes.count) bytes.")
            }
            result.removeSubrange(Int(size)...)
            return result
        #else
            throw missing("Bytes cannot be compressed", instead: "do without them")
        #endif
    }
}
