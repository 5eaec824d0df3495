/// Where byte pairs of SentencePiece's kind can be cut into words without changing a token.
///
/// Words begin with the mark for a space. A merge can reach across such a border only by a token that
/// has a mark after something else; those few are known from the vocabulary.
struct WordBorders: Sendable {
    /// What stands around a border that may not be cut: the character before, and what follows.
    private var exceptions: [(before: [UInt8], after: [UInt8])] = []

    /// The borders of a model; `nil` when its words cannot be encoded one by one.
    init?(of model: BytePairModel) {
        let mark = SentencePieceNormalizer.mark
        let tokens = model.vocabulary.tokens
        guard !model.options.ignoresMerges, model.options.continuingPrefix.isEmpty,
            model.options.wordSuffix.isEmpty, tokens.id(of: mark) != nil
        else { return nil }
        let made = Set(model.merges.pairs.map(\.both)).union(model.options.frozen)
        for symbol in made.sorted() {
            tokens.withBytes(of: symbol) { addBorders(inside: $0) }
            if exceptions.count > 64 { return nil }
        }
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
        var (start, index, afterMark) = (0, 0, true)
        while index < text.count {
            guard text[index] == 0xE2, WordBorders.isMark(text, index) else {
                afterMark = false
                index += 1
                continue
            }
            if !afterMark, exceptions.isEmpty || !isException(text, index) {
                collector.add(start, index, isMatch: true)
                start = index
            }
            afterMark = true
            index += 3
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
