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
        case token(AddedToken)
    }

    private var tokens: [AddedToken] = []
    /// For each first byte the indices of its tokens, longest first.
    private var byFirstByte: [[Int]] = Array(repeating: [], count: 256)
    private var contents: [[UInt8]] = []

    init(_ tokens: [AddedToken]) {
        for token in tokens where !token.content.isEmpty {
            let bytes = Array(token.content.utf8)
            byFirstByte[Int(bytes[0])].append(self.tokens.count)
            self.tokens.append(token)
            contents.append(bytes)
        }
        for byte in 0..<256 where byFirstByte[byte].count > 1 {
            byFirstByte[byte].sort { contents[$0].count > contents[$1].count }
        }
    }

    /// Whether there is nothing to find.
    var isEmpty: Bool { tokens.isEmpty }

    /// Calls with all pieces of a text in order; `policy` says which special tokens count.
    func forEachPiece(
        _ text: UnsafeBufferPointer<UInt8>, _ policy: SpecialTokenPolicy, _ body: (Piece) -> Void
    ) {
        var (index, pending) = (0, 0)
        while !isEmpty, index < text.count {
            guard let found = match(text, at: index, policy) else {
                index += 1
                continue
            }
            var start = index
            var end = index + contents[found].count
            index = end
            let token = tokens[found]
            // What is passed over here is passed over as a whole, as in `tokenizers`.
            if token.isSpecial, case .text = policy { continue }
            if token.isSingleWord, AddedTokenMatcher.touchesWord(text, start, end) { continue }
            if token.stripsLeft {
                start = AddedTokenMatcher.spaceStart(text, before: start, notBefore: pending)
            }
            if token.stripsRight { end = AddedTokenMatcher.spaceEnd(text, after: end) }
            if pending < start { body(.text(pending..<start)) }
            body(.token(token))
            (pending, index) = (end, end)
        }
        if pending < text.count { body(.text(pending..<text.count)) }
    }

    private func match(
        _ text: UnsafeBufferPointer<UInt8>, at index: Int, _ policy: SpecialTokenPolicy
    ) -> Int? {
        byFirstByte[Int(text[index])].first { candidate in
            let content = contents[candidate]
            let end = index + content.count
            guard end <= text.count, text[index..<end].elementsEqual(content) else { return false }
            guard tokens[candidate].isSpecial, case .parseWithin(let ranges) = policy else {
                return true
            }
            return ranges.contains { $0.lowerBound <= index && end <= $0.upperBound }
        }
    }

    private static func touchesWord(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int
    ) -> Bool {
        if end < text.count, ScalarClass.isWord(ScalarClass.decode(text, at: end).scalar) {
            return true
        }
        guard start > 0 else { return false }
        var index = start - 1
        while index > 0, text[index] & 0xC0 == 0x80 { index -= 1 }
        return ScalarClass.isWord(ScalarClass.decode(text, at: index).scalar)
    }

    private static func spaceStart(
        _ text: UnsafeBufferPointer<UInt8>, before end: Int, notBefore limit: Int
    ) -> Int {
        var start = end
        while start > limit {
            var index = start - 1
            while index > limit, text[index] & 0xC0 == 0x80 { index -= 1 }
            guard ScalarClass.decode(text, at: index).scalar.properties.isWhitespace else { break }
            start = index
        }
        return start
    }

    private static func spaceEnd(_ text: UnsafeBufferPointer<UInt8>, after start: Int) -> Int {
        var end = start
        while end < text.count {
            let (scalar, next) = ScalarClass.decode(text, at: end)
            guard scalar.properties.isWhitespace else { break }
            end = next
        }
        return end
    }
}
