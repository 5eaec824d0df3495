/// Where byte pairs of SentencePiece's kind can be cut into words without changing a token.
///
/// Words begin with the mark for a space. A merge can reach across such a border only by a token that
/// has a mark after something else; those few are known from the vocabulary. Where a language writes
/// no spaces, words end between two characters that no token has side by side: no merge can join them.
struct WordBorders: Sendable {
    /// What stands around a border that may not be cut: the character before, and what follows.
    private var exceptions: [(before: [UInt8], after: [UInt8])] = []
    /// A bit for the hash of each two characters that a token has side by side; empty where texts are
    /// only cut at marks.
    private var neighbours: [UInt64] = []
    private var shift: UInt64 = 64

    /// Characters from here on may be cut from others; the words of scripts below have spaces.
    private static let firstCut: UInt32 = 0x800
    private static let markValue: UInt32 = 0x2581

    /// The borders of a model; `nil` when its words cannot be encoded one by one.
    init?(of model: BytePairModel) {
        let mark = SentencePieceNormalizer.mark
        let tokens = model.vocabulary.tokens
        guard !model.options.ignoresMerges, model.options.continuingPrefix.isEmpty,
            model.options.wordSuffix.isEmpty, tokens.id(of: mark) != nil
        else { return nil }
        // The symbols that are made of others; tables of truth values take less time than sets.
        var isMade = [Bool](repeating: false, count: tokens.endID)
        var isByte = isMade
        for id in model.byteSymbols where id >= 0 { isByte[Int(id)] = true }
        func joinsByte(_ part: Int32) -> Bool { Int(part) < isByte.count && isByte[Int(part)] }
        var joinsBytes = false
        for pair in model.merges.pairs {
            isMade[Int(pair.both)] = true
            joinsBytes = joinsBytes || joinsByte(pair.left) || joinsByte(pair.right)
        }
        for id in model.options.frozen { isMade[Int(id)] = true }
        let made = isMade.indices.lazy.filter { isMade[$0] }.map { Int32($0) }
        for symbol in made {
            tokens.withBytes(of: symbol) { addBorders(inside: $0) }
            if exceptions.count > 64 { return nil }
        }
        // Neighbouring unknown characters become one token, which none are where bytes are tokens.
        guard model.options.fallsBackToBytes, !model.byteSymbols.contains(-1), !joinsBytes else {
            return
        }
        // Few pairs that no token has share the bit of one that a token has, and are not cut.
        var bits = 16
        while 1 << bits < 8 * tokens.count { bits += 1 }
        shift = UInt64(64 - bits)
        neighbours = Array(repeating: 0, count: 1 << (bits - 6))
        for symbol in made { tokens.withBytes(of: symbol) { addNeighbours(in: $0) } }
    }

    private mutating func addNeighbours(in token: UnsafeBufferPointer<UInt8>) {
        var (index, before) = (0, WordBorders.markValue)
        while index < token.count {
            let (value, next) = UTF8Text.decode(token, at: index)
            if WordBorders.mayCut(before, value) {
                let place = WordBorders.place(before, value, shift)
                neighbours[place >> 6] |= 1 << UInt64(place & 63)
            }
            (index, before) = (next, value)
        }
    }

    /// Whether the characters are of those that are cut from each other; marks have their own rule.
    @inline(__always)
    private static func mayCut(_ before: UInt32, _ after: UInt32) -> Bool {
        (before >= firstCut || after >= firstCut) && before != markValue && after != markValue
    }

    @inline(__always)
    private static func place(_ before: UInt32, _ after: UInt32, _ shift: UInt64) -> Int {
        let pair = UInt64(before) << 32 | UInt64(after)
        return Int(truncatingIfNeeded: ((pair ^ pair >> 29) &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }

    private mutating func addBorders(inside token: UnsafeBufferPointer<UInt8>) {
        var (index, sawOther) = (0, false)
        while index < token.count {
            let isMark = WordBorders.isMark(token, index)
            if isMark, sawOther, !WordBorders.isMark(token, index - 3) {
                let end = min(
                    index + 3 + (index + 3 < token.count ? UTF8Text.length(token[index + 3]) : 0),
                    token.count)
                let start = UTF8Text.previous(token, before: index)
                exceptions.append((Array(token[start..<index]), Array(token[index..<end])))
            }
            sawOther = sawOther || !isMark
            index += isMark ? 3 : 1
        }
    }

    @inline(__always)
    private static func isMark(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        index >= 0 && index + 3 <= text.count && text[index] == 0xE2 && text[index + 1] == 0x96
            && text[index + 2] == 0x81
    }

    /// Cuts a text.
    func cut(_ text: UnsafeBufferPointer<UInt8>, _ collector: inout SpanCollector) {
        neighbours.withUnsafeBufferPointer { cut(text, $0, &collector) }
    }

    private func cut(
        _ text: UnsafeBufferPointer<UInt8>, _ neighbours: UnsafeBufferPointer<UInt64>,
        _ collector: inout SpanCollector
    ) {
        var (start, index, before) = (0, 0, WordBorders.markValue)
        while index < text.count {
            let byte = text[index]
            if byte < 0x80, before < WordBorders.firstCut {
                before = UInt32(byte)
                index += 1
                continue
            }
            let (value, next) = UTF8Text.decode(text, at: index)
            var isBorder = false
            if value == WordBorders.markValue {
                isBorder =
                    before != WordBorders.markValue
                    && (exceptions.isEmpty || !isException(text, index))
            } else if !neighbours.isEmpty, WordBorders.mayCut(before, value) {
                let place = WordBorders.place(before, value, shift)
                isBorder = neighbours[place >> 6] >> UInt64(place & 63) & 1 == 0
            }
            if isBorder, index > start {
                collector.add(start, index, isMatch: true)
                start = index
            }
            (index, before) = (next, value)
        }
        if start < text.count { collector.add(start, text.count, isMatch: true) }
    }

    private func isException(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        exceptions.contains { before, after in
            index >= before.count && index + after.count <= text.count
                && text[(index - before.count)..<index].elementsEqual(before)
                && text[index..<index + after.count].elementsEqual(after)
        }
    }
}
