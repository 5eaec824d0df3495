internal import FledgeCore

/// Reads the encodings of Parquet's pages (`Encodings.md` of the format).
struct ParquetEncoding {
    let bytes: UnsafeRawBufferPointer
    let fail: (String) -> FledgeError
    /// The next byte.
    private(set) var position: Int

    init(
        _ bytes: UnsafeRawBufferPointer, from start: Int = 0,
        fail: @escaping (String) -> FledgeError
    ) {
        (self.bytes, position, self.fail) = (bytes, start, fail)
    }

    /// The next bytes.
    mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
        guard count >= 0, count <= bytes.count - position else {
            throw fail("a page that ends too early")
        }
        position += count
        return UnsafeRawBufferPointer(rebasing: bytes[position - count..<position])
    }

    mutating func byte() throws -> Int { Int(try take(1)[0]) }

    /// Four bytes, the lowest first.
    mutating func word() throws -> Int {
        Int(UInt32(littleEndian: try take(4).loadUnaligned(as: UInt32.self)))
    }

    private mutating func unsigned() throws -> UInt64 {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while true {
            let byte = UInt64(try byte())
            guard shift < 64 else { throw fail("a number that is too long") }
            value |= (byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    private mutating func signed() throws -> Int64 {
        let value = try unsigned()
        return Int64(bitPattern: value >> 1) ^ -Int64(value & 1)
    }

    /// Runs of equal numbers and groups of packed ones (RLE / bit-packing hybrid).
    mutating func runs(width: Int, count: Int) throws -> [UInt32] {
        guard (0...32).contains(width) else { throw fail("numbers of \(width) bits") }
        if width == 0 { return [UInt32](repeating: 0, count: count) }
        var result = [UInt32]()
        while result.count < count {
            let header = try unsigned()
            let missing = count - result.count
            if header & 1 == 0 {
                let run = try take((width + 7) / 8)
                var value: UInt32 = 0
                for (index, byte) in run.enumerated() { value |= UInt32(byte) << (8 * index) }
                guard header >> 1 > 0 else { throw fail("a run of nothing") }
                result.append(
                    contentsOf: repeatElement(value, count: Int(min(header >> 1, UInt64(missing)))))
                continue
            }
            guard header >> 1 > 0 else { throw fail("a run of nothing") }
            let wanted = min(Int(clamping: header >> 1), (missing + 7) / 8) * 8
            // The last group may be cut off after the values that there are.
            let size = min(wanted * width / 8, bytes.count - position)
            let packed = try take(size)
            let values = min(wanted, missing, size * 8 / width)
            guard values > 0 else { throw fail("a page that ends too early") }
            Self.unpack(packed, width: width, count: values) { result.append(UInt32($0)) }
        }
        return result
    }

    /// Numbers of `width` bits, the lowest bits first.
    @inline(__always)
    private static func unpack(
        _ packed: UnsafeRawBufferPointer, width: Int, count: Int, _ put: (UInt64) -> Void
    ) {
        let mask = width == 64 ? UInt64.max : (1 << UInt64(width)) - 1
        for index in 0..<count {
            let (at, shift) = ((index * width) / 8, UInt64((index * width) % 8))
            var word: UInt64 = 0
            if at + 8 <= packed.count {
                word = UInt64(
                    littleEndian: packed.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            } else {
                for place in at..<max(at, packed.count) {
                    word |= UInt64(packed[place]) << UInt64(8 * (place - at))
                }
            }
            var value = word >> shift
            if Int(shift) + width > 64, at + 8 < packed.count {
                value |= UInt64(packed[at + 8]) << (64 - shift)
            }
            put(value & mask)
        }
    }

    /// Whole numbers as blocks of packed differences.
    mutating func deltas() throws -> [Int64] {
        let blockSize = Int(clamping: try unsigned())
        let miniCount = Int(clamping: try unsigned())
        let count = Int(clamping: try unsigned())
        var value = try signed()
        guard blockSize > 0, blockSize <= 1 << 20, miniCount > 0, miniCount <= blockSize,
            blockSize % miniCount == 0, blockSize / miniCount % 8 == 0
        else { throw fail("blocks of differences that cannot be") }
        guard count <= ParquetPage.mostValues else { throw fail("too many values in a page") }
        guard count > 0 else { return [] }
        var result = [value]
        let perMini = blockSize / miniCount
        while result.count < count {
            let least = try signed()
            let widths = Array(try take(miniCount))
            for width in widths where result.count < count {
                guard width <= 64 else { throw fail("numbers of \(width) bits") }
                let packed = try take(perMini * Int(width) / 8)
                Self.unpack(
                    packed, width: Int(width), count: min(perMini, count - result.count)
                ) { difference in
                    value = value &+ least &+ Int64(bitPattern: difference)
                    result.append(value)
                }
            }
        }
        return result
    }

    /// Texts as their lengths and then all their bytes.
    mutating func deltaLengthTexts() throws -> [UnsafeRawBufferPointer] {
        try deltas().map { length in
            guard length >= 0 else { throw fail("a negative length") }
            return try take(Int(clamping: length))
        }
    }

    /// Texts as what they share with the one before and what follows that.
    mutating func deltaTexts() throws -> [[UInt8]] {
        let shared = try deltas()
        let rests = try deltaLengthTexts()
        guard shared.count == rests.count else { throw fail("prefixes without texts") }
        var last = [UInt8]()
        return try zip(shared, rests).map { count, rest in
            guard count >= 0, count <= Int64(last.count) else {
                throw fail("a prefix that is longer than the text before")
            }
            last = Array(last[..<Int(count)]) + rest
            return last
        }
    }
}
