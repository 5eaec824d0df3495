/// A token that is found in the text itself, before anything is cut into words.
public struct AddedToken: Hashable, Sendable {
    /// How it is written.
    public var content: String
    /// Its id.
    public var id: Int32
    /// Whether it is a control token.
    public var isSpecial: Bool
    /// Whether it counts only where no word character touches it.
    public var isSingleWord: Bool
    /// Whether it takes white space before it along.
    public var stripsLeft: Bool
    /// Whether it takes white space after it along.
    public var stripsRight: Bool
    /// Whether it is looked for in the normalised text.
    public var isNormalized: Bool

    /// Creates a token.
    public init(
        _ content: String, id: Int32, isSpecial: Bool = true, isSingleWord: Bool = false,
        stripsLeft: Bool = false, stripsRight: Bool = false, isNormalized: Bool = false
    ) {
        self.content = content
        self.id = id
        self.isSpecial = isSpecial
        self.isSingleWord = isSingleWord
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
        self.isNormalized = isNormalized
    }
}

/// Finds added tokens in a text: the leftmost first, of those the longest.
struct AddedTokenMatcher: Sendable {
    /// A stretch of the text.
    enum Piece {
        case text(Range<Int>)
        case token(Int32)
    }

    /// What decides about a token once it is found.
    private struct Flags: Sendable {
        var id: Int32
        var isSpecial, isSingleWord, stripsLeft, stripsRight: Bool
    }

    private let flags: [Flags]
    private let trie: ByteTrie

    /// Makes a matcher of tokens and the bytes that are looked for, where those differ from what is
    /// written.
    init(_ tokens: [AddedToken], _ bytes: (AddedToken) -> [UInt8] = { Array($0.content.utf8) }) {
        flags = tokens.map {
            Flags(
                id: $0.id, isSpecial: $0.isSpecial, isSingleWord: $0.isSingleWord,
                stripsLeft: $0.stripsLeft, stripsRight: $0.stripsRight)
        }
        trie = ByteTrie(tokens.enumerated().map { (bytes($0.element), Int32($0.offset)) })
    }

    /// Whether there is nothing to find.
    var isEmpty: Bool { trie.isEmpty }

    /// Calls with all pieces of a text in order; `policy` says which special tokens count.
    @inline(__always)
    func forEachPiece(
        _ text: UnsafeBufferPointer<UInt8>, _ policy: SpecialTokenPolicy, _ body: (Piece) -> Void
    ) {
        guard !isEmpty else {
            if !text.isEmpty { body(.text(0..<text.count)) }
            return
        }
        var (index, pending) = (0, 0)
        while index < text.count {
            guard trie.begins(with: text[index]), let found = match(text, at: index, policy) else {
                index += 1
                continue
            }
            var start = index
            var end = found.end
            index = end
            let token = flags[Int(found.value)]
            // What is passed over here is passed over as a whole, as in `tokenizers`.
            if token.isSpecial, case .text = policy { continue }
            if token.isSingleWord, AddedTokenMatcher.touchesWord(text, start, end) { continue }
            if token.stripsLeft {
                start = AddedTokenMatcher.spaceStart(text, before: start, notBefore: pending)
            }
            if token.stripsRight { end = AddedTokenMatcher.spaceEnd(text, after: end) }
            if pending < start { body(.text(pending..<start)) }
            body(.token(token.id))
            pending = end
            // Like `tokenizers`, the search goes on after the token itself, not after the space
            // that it took along; a token may begin there.
        }
        if pending < text.count { body(.text(pending..<text.count)) }
    }

    private func match(
        _ text: UnsafeBufferPointer<UInt8>, at index: Int, _ policy: SpecialTokenPolicy
    ) -> (end: Int, value: Int32)? {
        guard case .parseWithin(let ranges) = policy else { return trie.longest(text, from: index) }
        var found: (Int, Int32)?
        trie.forEachPrefix(text, from: index) { end, value in
            if flags[Int(value)].isSpecial {
                guard ranges.contains(where: { $0.lowerBound <= index && end <= $0.upperBound })
                else { return }
            }
            found = (end, value)
        }
        return found
    }

    private static func touchesWord(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int
    ) -> Bool {
        func isWord(_ index: Int) -> Bool {
            Unicode.Scalar(UTF8Text.decode(text, at: index).value).map(ScalarSet.isWord) ?? false
        }
        if end < text.count, isWord(end) { return true }
        return start > 0 && isWord(UTF8Text.previous(text, before: start))
    }

    private static func spaceStart(
        _ text: UnsafeBufferPointer<UInt8>, before end: Int, notBefore limit: Int
    ) -> Int {
        var start = end
        while start > limit {
            let index = UTF8Text.previous(text, before: start)
            guard index >= limit, ScalarSet.space.contains(UTF8Text.decode(text, at: index).value)
            else { break }
            start = index
        }
        return start
    }

    private static func spaceEnd(_ text: UnsafeBufferPointer<UInt8>, after start: Int) -> Int {
        var end = start
        while end < text.count {
            let (value, next) = UTF8Text.decode(text, at: end)
            guard ScalarSet.space.contains(value) else { break }
            end = next
        }
        return end
    }
}
