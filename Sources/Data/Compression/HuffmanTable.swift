/// A canonical prefix code of at most 15 bits, as DEFLATE has it.
struct HuffmanTable {
    /// The longest code.
    static let longest = 15
    private static let direct = 10

    /// Symbol and length (`symbol << 4 | length`) by the next bits; 0 for longer codes.
    private var lookup = [UInt16](repeating: 0, count: 1 << HuffmanTable.direct)
    /// Number of codes of each length.
    private var counts = [Int](repeating: 0, count: HuffmanTable.longest + 1)
    /// The symbols in the order of their codes.
    private var symbols: [UInt16] = []

    /// Builds the code; `nil` when the lengths are of none.
    ///
    /// - Parameters:
    ///   - lengths: The length of each symbol's code, 0 for symbols that have none.
    ///   - isComplete: Whether every sequence of bits has to begin with a code. Otherwise a single
    ///     code of one bit, and none at all, are fine too.
    init?(_ lengths: ArraySlice<UInt8>, isComplete: Bool) {
        for length in lengths { counts[Int(length)] += 1 }
        let used = lengths.count - counts[0]
        counts[0] = 0
        var free = 1
        for length in 1...Self.longest {
            free = free * 2 - counts[length]
            guard free >= 0 else { return nil }
        }
        guard free == 0 || (!isComplete && (used == 0 || (used == 1 && counts[1] == 1))) else {
            return nil
        }
        var offsets = [Int](repeating: 0, count: Self.longest + 2)
        for length in 1...Self.longest { offsets[length + 1] = offsets[length] + counts[length] }
        symbols = [UInt16](repeating: 0, count: used)
        for (symbol, length) in lengths.enumerated() where length > 0 {
            symbols[offsets[Int(length)]] = UInt16(symbol)
            offsets[Int(length)] += 1
        }
        fillLookup()
    }

    private mutating func fillLookup() {
        var (code, index) = (0, 0)
        for length in 1...Self.direct {
            for _ in 0..<counts[length] {
                let entry = symbols[index] << 4 | UInt16(length)
                var reversed = 0
                for bit in 0..<length where code >> bit & 1 == 1 {
                    reversed |= 1 << (length - 1 - bit)
                }
                for slot in stride(from: reversed, to: lookup.count, by: 1 << length) {
                    lookup[slot] = entry
                }
                code += 1
                index += 1
            }
            code <<= 1
        }
    }

    /// Lends the table of short codes, for many calls of ``decode(_:_:)``.
    @inline(__always)
    func withLookup<Result>(
        _ body: (UnsafeBufferPointer<UInt16>) throws -> Result
    ) rethrows -> Result {
        try lookup.withUnsafeBufferPointer(body)
    }

    /// The symbol that the lowest bits stand for, and the number of its bits; 0 bits for none.
    @inline(__always)
    func decode(
        _ bits: UInt64, _ lookup: UnsafeBufferPointer<UInt16>
    ) -> (symbol: Int, length: Int) {
        let entry = lookup[Int(truncatingIfNeeded: bits) & (1 << Self.direct - 1)]
        if entry != 0 { return (Int(entry >> 4), Int(entry & 15)) }
        return decodeLong(bits)
    }

    private func decodeLong(_ bits: UInt64) -> (symbol: Int, length: Int) {
        var (code, first, index) = (0, 0, 0)
        for length in 1...Self.longest {
            code |= Int(bits >> UInt64(length - 1) & 1)
            let count = counts[length]
            if code - first < count { return (Int(symbols[index + code - first]), length) }
            index += count
            first = (first + count) << 1
            code <<= 1
        }
        return (0, 0)
    }

    /// The literals and lengths of blocks without a code of their own.
    static let fixedLiterals = fixed(
        (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
    /// The distances of blocks without a code of their own.
    static let fixedDistances = fixed([UInt8](repeating: 5, count: 32))

    private static func fixed(_ lengths: [UInt8]) -> HuffmanTable {
        guard let table = HuffmanTable(lengths[...], isComplete: true) else {
            preconditionFailure("HuffmanTable: the fixed code is complete")
        }
        return table
    }
}
