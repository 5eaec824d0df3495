/// SentencePiece's table of replaced character sequences (`precompiled_charsmap`): a double-array
/// trie, then the replacements.
struct CharacterMap: Hashable, Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]

    /// Reads the table; `nil` when it is damaged.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 4 else { return nil }
        func number(_ at: Int) -> UInt32 {
            UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16
                | UInt32(bytes[at + 3]) << 24
        }
        let size = Int(number(0))
        guard size >= 4, size % 4 == 0, size <= bytes.count - 4 else { return nil }
        units = (0..<size / 4).map { number(4 + 4 * $0) }
        replacements = Array(bytes[(4 + size)...])
    }

    /// Calls with length and replacement of each entry that a text begins with, shortest first, until
    /// the body returns false.
    private func forEachPrefix(
        _ text: UnsafeBufferPointer<UInt8>, _ body: (Int, Int) -> Bool
    ) {
        func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }
        var node = offset(units[0])
        for (index, byte) in text.enumerated() {
            guard byte != 0 else { return }
            node ^= Int(byte)
            guard node < units.count, units[node] & (1 << 31 | 0xFF) == UInt32(byte) else { return }
            let unit = units[node]
            node ^= offset(unit)
            guard node < units.count else { return }
            if unit >> 8 & 1 == 1, !body(index + 1, Int(units[node] & 0x7FFF_FFFF)) { return }
        }
    }

    /// Number of bytes of the longest replacement.
    var longestReplacement: Int {
        replacements.split(separator: 0).lazy.map(\.count).max() ?? 0
    }

    private func replacement(_ start: Int) -> ArraySlice<UInt8> {
        guard start < replacements.count else { return [] }
        let end = replacements[start...].firstIndex(of: 0) ?? replacements.count
        return replacements[start..<end]
    }

    /// The replacement of the longest entry that a text begins with, and the entry's length.
    func longest(_ text: UnsafeBufferPointer<UInt8>) -> (ArraySlice<UInt8>, length: Int)? {
        var found: (Int, Int)?
        forEachPrefix(text) { length, start in
            found = (start, length)
            return true
        }
        return found.map { (replacement($0.0), $0.1) }
    }

    /// The replacement of the shortest entry that a text begins with.
    ///
    /// `tokenizers` replaces a whole grapheme by what its first entry says.
    private func shortest(_ text: UnsafeBufferPointer<UInt8>) -> ArraySlice<UInt8>? {
        var found: Int?
        forEachPrefix(text) { _, start in
            found = start
            return false
        }
        return found.map(replacement)
    }

    /// The `Precompiled` normalizer of `tokenizers`.
    func apply(to text: inout [UInt8]) {
        var result = [UInt8]()
        result.reserveCapacity(text.count)
        for grapheme in String(decoding: text, as: UTF8.self) {
            var part = String(grapheme)
            part.withUTF8 { bytes in
                if bytes.count < 6, let whole = shortest(bytes) {
                    result.append(contentsOf: whole)
                    return
                }
                var index = 0
                while index < bytes.count {
                    let end = min(index + UTF8Text.length(bytes[index]), bytes.count)
                    let scalar = UnsafeBufferPointer(rebasing: bytes[index..<end])
                    result.append(contentsOf: shortest(scalar) ?? ArraySlice(scalar))
                    index = end
                }
            }
        }
        text = result
    }
}
