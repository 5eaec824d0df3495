internal import FledgeCore

/// Expands gzip files (RFC 1952): one member or several, each with its check sum.
package enum Gzip {
    /// Hands over what a file holds, piece by piece.
    ///
    /// - Parameter file: The name that errors give as the place.
    package static func expand(
        _ input: UnsafeRawBufferPointer, file: String,
        write: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        func fail(_ what: String) -> FledgeError {
            FledgeError(
                .fileCorrupt, "The gzip data is damaged: found \(what).",
                at: FledgeError.Location(file: file))
        }
        var position = 0
        repeat {
            position = try skipHeader(input, position, fail)
            // The closure outlives the call in the type system only.
            let total = Total()
            var inflater = Inflater(input, from: position, fail: fail) { bytes in
                total.sum.update(bytes)
                total.count &+= UInt32(truncatingIfNeeded: bytes.count)
                try write(bytes)
            }
            position = try inflater.run()
            guard position + 8 <= input.count else { throw fail("no check sum at the end") }
            let sum = input.loadUnaligned(fromByteOffset: position, as: UInt32.self)
            let count = input.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self)
            guard UInt32(littleEndian: sum) == total.sum.value,
                UInt32(littleEndian: count) == total.count
            else { throw fail("other bytes than the check sum says") }
            position += 8
            // Tapes and some programs fill up with zeros.
            while position < input.count, input[position] == 0 { position += 1 }
        } while position < input.count
    }

    private final class Total {
        var sum = CyclicRedundancyCheck()
        var count: UInt32 = 0
    }

    /// The place of the compressed bytes after a member's header.
    private static func skipHeader(
        _ input: UnsafeRawBufferPointer, _ start: Int, _ fail: (String) -> FledgeError
    ) throws -> Int {
        guard start + 10 <= input.count, input[start] == 0x1F, input[start + 1] == 0x8B else {
            throw fail("no gzip header")
        }
        guard input[start + 2] == 8 else { throw fail("an unknown method") }
        let flags = input[start + 3]
        guard flags & 0xE0 == 0 else { throw fail("unknown flags") }
        var position = start + 10
        if flags & 4 != 0 {
            guard position + 2 <= input.count else { throw fail("too early an end") }
            position += 2 + Int(input[position]) + Int(input[position + 1]) << 8
        }
        for flag: UInt8 in [8, 16] where flags & flag != 0 {
            while position < input.count, input[position] != 0 { position += 1 }
            position += 1
        }
        if flags & 2 != 0 { position += 2 }
        guard position <= input.count else { throw fail("too early an end") }
        return position
    }
}
