/// What SentencePiece does to a text: replacements, white space, the mark U+2581 for spaces.
struct SentencePieceNormalizer: Hashable, Sendable {
    var characterMap: CharacterMap?
    var addsDummyPrefix = true
    var removesExtraWhitespace = true
    var escapesWhitespace = true
    var treatsWhitespaceAsSuffix = false
    /// User-defined symbols, which are not replaced.
    var symbols = ByteTrie([])

    /// The mark for a space.
    static let mark: [UInt8] = [0xE2, 0x96, 0x81]

    func apply(to text: inout [UInt8]) {
        guard !text.isEmpty else { return }
        if characterMap == nil, !removesExtraWhitespace { return mark(&text) }
        var result = [UInt8]()
        result.reserveCapacity(text.count + text.count / 2 + 8)
        text.withUnsafeBufferPointer { normalize($0, into: &result) }
        text = result
    }

    /// What is left where nothing is replaced or removed: only spaces change.
    private func mark(_ text: inout [UInt8]) {
        let prefix = addsDummyPrefix && !treatsWhitespaceAsSuffix
        let suffix = addsDummyPrefix && treatsWhitespaceAsSuffix
        guard escapesWhitespace else {
            if prefix { text.insert(0x20, at: 0) }
            if suffix { text.append(0x20) }
            return
        }
        let spaces = text.withUnsafeBufferPointer { $0.reduce(0) { $0 + ($1 == 0x20 ? 1 : 0) } }
        guard spaces > 0 || addsDummyPrefix else { return }
        let capacity = text.count + 2 * spaces + 3
        text = [UInt8](unsafeUninitializedCapacity: capacity) { result, count in
            func add(_ byte: UInt8) {
                result.initializeElement(at: count, to: byte)
                count += 1
            }
            func addMark() {
                add(0xE2)
                add(0x96)
                add(0x81)
            }
            if prefix { addMark() }
            text.withUnsafeBufferPointer { text in
                for byte in text { if byte == 0x20 { addMark() } else { add(byte) } }
            }
            if suffix { addMark() }
        }
    }

    private func normalize(_ text: UnsafeBufferPointer<UInt8>, into result: inout [UInt8]) {
        let space = escapesWhitespace ? SentencePieceNormalizer.mark : [0x20]
        var index = 0
        var piece = [UInt8]()
        while removesExtraWhitespace, index < text.count {
            let length = prefix(text, index, &piece)
            guard piece == [0x20] else { break }
            index += length
        }
        guard index < text.count else { return }
        if addsDummyPrefix, !treatsWhitespaceAsSuffix { result.append(contentsOf: space) }
        var afterSpace = removesExtraWhitespace
        while index < text.count {
            index += prefix(text, index, &piece)
            var start = 0
            while afterSpace, start < piece.count, piece[start] == 0x20 { start += 1 }
            if start < piece.count {
                for byte in piece[start...] {
                    if byte == 0x20 {
                        result.append(contentsOf: space)
                    } else {
                        result.append(byte)
                    }
                }
                afterSpace = piece.last == 0x20
            }
            if !removesExtraWhitespace { afterSpace = false }
        }
        if removesExtraWhitespace {
            while result.count >= space.count, result.suffix(space.count).elementsEqual(space) {
                result.removeLast(space.count)
            }
        }
        if addsDummyPrefix, treatsWhitespaceAsSuffix { result.append(contentsOf: space) }
    }

    /// The normalised form of what is next, and the number of bytes that it stands for.
    private func prefix(
        _ text: UnsafeBufferPointer<UInt8>, _ index: Int, _ piece: inout [UInt8]
    ) -> Int {
        piece.removeAll(keepingCapacity: true)
        let rest = UnsafeBufferPointer(rebasing: text[index...])
        if let (length, _) = symbols.longest(rest, from: 0) {
            piece.append(contentsOf: rest[..<length])
            return length
        }
        if let characterMap, let (replacement, length) = characterMap.longest(rest) {
            piece.append(contentsOf: replacement)
            return length
        }
        let length = min(UTF8Text.length(rest[0]), rest.count)
        piece.append(contentsOf: rest[..<length])
        return length
    }
}
