internal import FledgeCore

#if Zlib
    internal import CZlib
#endif

/// Expands gzip files (RFC 1952) with the system's zlib: one member or several, each with its check
/// sum.
package enum Gzip {
    /// Hands over what a file holds, piece by piece.
    ///
    /// - Parameter file: The name that errors give as the place.
    /// - Throws: ``FledgeError`` for damaged data, and in a build without zlib; what `write` throws.
    package static func expand(
        _ input: UnsafeRawBufferPointer, file: String,
        write: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        #if Zlib
            let members = GzipMembers(input, file: file)
            defer { members.stream.deallocate() }
            try members.expand(write)
        #else
            throw Zlib.missing(
                "The data are compressed by gzip and cannot be read",
                instead: "expand the file with gunzip", file: file)
        #endif
    }
}

#if Zlib
    /// The members of a gzip file, expanded one after another.
    private struct GzipMembers {
        private let input: UnsafeRawBufferPointer
        private let file: String
        /// The library keeps the address, and refuses another one.
        fileprivate let stream: UnsafeMutablePointer<z_stream>

        init(_ input: UnsafeRawBufferPointer, file: String) {
            (self.input, self.file) = (input, file)
            stream = .allocate(capacity: 1)
            stream.initialize(to: z_stream())
        }

        private func failure(_ what: String) -> FledgeError {
            FledgeError(
                .fileCorrupt, "The gzip data is damaged: found \(what).",
                advice: "Fetch or write the file again.", at: FledgeError.Location(file: file))
        }

        func expand(_ write: (UnsafeRawBufferPointer) throws -> Void) throws {
            // 16 more than the largest window asks for the form gzip, whose sums zlib checks.
            let status = inflateInit2_(
                stream, MAX_WBITS + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
            guard status == Z_OK else {
                throw FledgeError(
                    .fileAccess, "No memory for expanding gzip data.",
                    at: FledgeError.Location(file: file))
            }
            defer { inflateEnd(stream) }
            var position = 0
            try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { piece in
                repeat {
                    position = try expandMember(from: position, into: piece, write)
                    // Tapes and some programs fill up with zeros.
                    while position < input.count, input[position] == 0 { position += 1 }
                    guard inflateReset(stream) == Z_OK else { throw failure("no end") }
                } while position < input.count
            }
        }

        /// Expands the member that begins at a place, and returns the place behind it.
        private func expandMember(
            from start: Int, into piece: UnsafeMutableRawBufferPointer,
            _ write: (UnsafeRawBufferPointer) throws -> Void
        ) throws -> Int {
            var position = start
            while true {
                // The library counts in 32 bits.
                let part = min(input.count - position, Int(UInt32.max))
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress?.advanced(by: position)
                        .assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = UInt32(part)
                stream.pointee.next_out = piece.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(piece.count)
                let status = inflate(stream, Z_NO_FLUSH)
                position += part - Int(stream.pointee.avail_in)
                let count = piece.count - Int(stream.pointee.avail_out)
                switch status {
                case Z_OK, Z_STREAM_END:
                    if count > 0 { try write(UnsafeRawBufferPointer(rebasing: piece[..<count])) }
                    if status == Z_STREAM_END { return position }
                case Z_BUF_ERROR: throw failure("too early an end")
                case Z_MEM_ERROR:
                    throw FledgeError(
                        .fileAccess, "No memory for expanding gzip data.",
                        at: FledgeError.Location(file: file))
                default:
                    throw failure(
                        stream.pointee.msg.map { String(cString: $0) } ?? "no deflated data")
                }
            }
        }
    }
#endif
