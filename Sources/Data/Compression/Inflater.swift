package import FledgeCore

/// Expands DEFLATE streams (RFC 1951), handing over what comes out in pieces.
///
/// The matching distance is at most 32 KiB, so that much of the output stays behind in memory.
package struct Inflater {
    private let input: UnsafeRawBufferPointer
    private let fail: (String) -> FledgeError
    private let write: (UnsafeRawBufferPointer) throws -> Void
    private var reader: BitReader
    /// The output that has not been handed over, after what matches may still refer to.
    private var output: [UInt8]
    private var filled = 0
    private var handedOver = 0

    private static let window = 1 << 15
    private static let capacity = 1 << 18

    /// Reads a stream that begins at `start`.
    ///
    /// - Parameters:
    ///   - fail: Makes the error of a damaged stream.
    ///   - write: Receives the output, piece by piece.
    package init(
        _ input: UnsafeRawBufferPointer, from start: Int,
        fail: @escaping (String) -> FledgeError,
        write: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) {
        (self.input, self.fail, self.write) = (input, fail, write)
        reader = BitReader(input, from: start)
        output = [UInt8](repeating: 0, count: Self.window + Self.capacity)
    }

    /// Reads blocks up to the last one.
    ///
    /// - Returns: The index of the byte after the stream.
    package mutating func run() throws -> Int {
        var isLast = false
        while !isLast {
            isLast = try take(1) == 1
            switch try take(2) {
            case 0: try copyStored()
            case 1: try expand(.fixedLiterals, .fixedDistances)
            case 2:
                let (literals, distances) = try readTables()
                try expand(literals, distances)
            default: throw fail("a block of an unknown type")
            }
        }
        try handOver()
        return reader.alignToByte()
    }

    private mutating func take(_ count: Int) throws -> Int {
        reader.refill()
        let value = reader.take(count)
        guard reader.count >= 0 else { throw fail("an end in the middle of a block") }
        return value
    }

    // MARK: Blocks

    private mutating func copyStored() throws {
        var start = reader.alignToByte()
        guard start + 4 <= input.count else { throw fail("an end in the middle of a block") }
        let count = Int(input[start]) | Int(input[start + 1]) << 8
        let inverse = Int(input[start + 2]) | Int(input[start + 3]) << 8
        guard inverse == count ^ 0xFFFF else { throw fail("a length that contradicts itself") }
        start += 4
        guard count <= input.count - start else { throw fail("an end in the middle of a block") }
        reader.skipBytes(4 + count)
        var rest = count
        while rest > 0 {
            if filled == output.count { try handOver() }
            let part = min(rest, output.count - filled)
            output.withUnsafeMutableBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: bytes[filled..<filled + part])
                    .copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: input[start..<start + part]))
            }
            filled += part
            start += part
            rest -= part
        }
    }

    /// Order in which the lengths of the codes of code lengths are stored.
    private static let lengthOrder = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ]

    private mutating func symbol(_ table: HuffmanTable) throws -> Int {
        reader.refill()
        let (symbol, length) = table.withLookup { table.decode(reader.bits, $0) }
        _ = reader.take(length)
        guard length > 0 else { throw fail("a code that stands for nothing") }
        guard reader.count >= 0 else { throw fail("an end in the middle of a block") }
        return symbol
    }

    private mutating func readTables() throws -> (literals: HuffmanTable, distances: HuffmanTable) {
        let literalCount = try take(5) + 257
        let distanceCount = try take(5) + 1
        let lengthCount = try take(4) + 4
        guard literalCount <= 286, distanceCount <= 30 else { throw fail("too many codes") }
        var lengthLengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<lengthCount {
            lengthLengths[Self.lengthOrder[index]] = UInt8(try take(3))
        }
        guard let table = HuffmanTable(lengthLengths[...], isComplete: true) else {
            throw fail("codes that are no code")
        }
        var lengths = [UInt8]()
        while lengths.count < literalCount + distanceCount {
            let symbol = try symbol(table)
            var (value, times) = (UInt8(0), 1)
            switch symbol {
            case 0...15: value = UInt8(symbol)
            case 16:
                guard let last = lengths.last else { throw fail("a repetition of nothing") }
                (value, times) = (last, 3 + (try take(2)))
            case 17: times = 3 + (try take(3))
            default: times = 11 + (try take(7))
            }
            guard lengths.count + times <= literalCount + distanceCount else {
                throw fail("too many codes")
            }
            lengths.append(contentsOf: repeatElement(value, count: times))
        }
        guard lengths[256] > 0,
            let literals = HuffmanTable(lengths[..<literalCount], isComplete: false),
            let distances = HuffmanTable(lengths[literalCount...], isComplete: false)
        else { throw fail("codes that are no code") }
        return (literals, distances)
    }

    private static let lengthBases: [Int] = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
        131, 163, 195, 227, 258,
    ]
    private static let lengthBits: [Int] = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases: [Int] = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
        2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
    ]
    private static let distanceBits: [Int] = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12,
        13, 13,
    ]

    private mutating func expand(_ literals: HuffmanTable, _ distances: HuffmanTable) throws {
        var isOpen = true
        while isOpen {
            if output.count - filled < Self.longestMatch { try handOver() }
            isOpen = try expandPiece(literals, distances)
        }
    }

    private static let longestMatch = 258

    /// Expands until the block ends (false) or the output is nearly full (true).
    private mutating func expandPiece(
        _ literals: HuffmanTable, _ distances: HuffmanTable
    ) throws -> Bool {
        // Local copies stay in registers.
        var (reader, end) = (reader, filled)
        let fail = fail
        let limit = output.count - Self.longestMatch
        let isOpen = try literals.withLookup { literalLookup in
            try distances.withLookup { distanceLookup in
                try output.withUnsafeMutableBufferPointer { bytes in
                    while end <= limit {
                        // Enough for a length and a distance with all their bits.
                        reader.refill()
                        let (code, size) = literals.decode(reader.bits, literalLookup)
                        _ = reader.take(size)
                        guard size > 0 else { throw fail("a code that stands for nothing") }
                        guard reader.count >= 0 else {
                            throw fail("an end in the middle of a block")
                        }
                        if code < 256 {
                            bytes[end] = UInt8(truncatingIfNeeded: code)
                            end += 1
                            continue
                        }
                        if code == 256 { return false }
                        guard code - 257 < Self.lengthBases.count else {
                            throw fail("an unknown length")
                        }
                        let length =
                            Self.lengthBases[code - 257] + reader.take(Self.lengthBits[code - 257])
                        let (place, placeSize) = distances.decode(reader.bits, distanceLookup)
                        _ = reader.take(placeSize)
                        guard placeSize > 0 else { throw fail("a code that stands for nothing") }
                        guard place < Self.distanceBases.count else {
                            throw fail("an unknown distance")
                        }
                        let distance =
                            Self.distanceBases[place] + reader.take(Self.distanceBits[place])
                        guard reader.count >= 0 else {
                            throw fail("an end in the middle of a block")
                        }
                        guard distance <= end else {
                            throw fail("a copy from before the beginning")
                        }
                        // A copy may overlap itself, which repeats its beginning.
                        for index in end..<end + length { bytes[index] = bytes[index - distance] }
                        end += length
                    }
                    return true
                }
            }
        }
        (self.reader, filled) = (reader, end)
        return isOpen
    }

    /// Hands over what is new and keeps what matches may refer to.
    private mutating func handOver() throws {
        try output.withUnsafeMutableBytes { bytes in
            if filled > handedOver {
                try write(UnsafeRawBufferPointer(rebasing: bytes[handedOver..<filled]))
            }
            let kept = min(filled, Self.window)
            if filled > kept, let base = bytes.baseAddress {
                base.copyMemory(from: base + (filled - kept), byteCount: kept)
            }
            (filled, handedOver) = (kept, kept)
        }
    }
}
