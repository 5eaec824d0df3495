internal import FledgeCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Finds where rows begin in files with a row per line.
enum LineScanner {
    /// Adds every line that is not blank; a row ends where the next one begins.
    static func nonBlankLines(
        _ bytes: UnsafeRawBufferPointer, into builder: inout RowIndex.Builder
    ) throws {
        var (start, line) = (markLength(bytes), 1)
        while start < bytes.count {
            let end = lineFeed(in: bytes, from: start) ?? bytes.count
            var first = start
            while first < end, bytes[first].isJSONWhiteSpace { first += 1 }
            if first < end {
                try builder.append(offset: first, line: line, column: first - start + 1)
            }
            line += 1
            start = end + 1
        }
        try builder.finish(end: bytes.count)
    }

    /// Adds every line, blank ones too; a line ends at LF, CR LF or CR.
    static func lines(
        _ bytes: UnsafeRawBufferPointer, into builder: inout RowIndex.Builder
    ) throws {
        var (start, line) = (markLength(bytes), 1)
        // Without a CR in the rest nothing has to look for it again.
        var nextReturn = byte(0x0D, in: bytes, from: start) ?? bytes.count
        while start < bytes.count {
            try builder.append(offset: start, line: line, column: 1)
            line += 1
            let feed = lineFeed(in: bytes, from: start) ?? bytes.count
            if nextReturn < start {
                nextReturn = byte(0x0D, in: bytes, from: start) ?? bytes.count
            }
            if nextReturn < feed {
                start = nextReturn + (nextReturn + 1 == feed ? 2 : 1)
            } else {
                start = feed + 1
            }
        }
        try builder.finish(end: bytes.count)
    }

    /// Length of a byte order mark at the start.
    static func markLength(_ bytes: UnsafeRawBufferPointer) -> Int {
        bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// The place of the next line feed.
    static func lineFeed(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        byte(0x0A, in: bytes, from: start)
    }

    private static func byte(
        _ byte: Int32, in bytes: UnsafeRawBufferPointer, from start: Int
    ) -> Int? {
        guard let base = bytes.baseAddress, start < bytes.count,
            let found = memchr(base + start, byte, bytes.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }
}
