/// Makes text of ids that come one at a time, giving out only whole characters.
///
/// The pieces joined are what decoding all ids at once gives.
public struct StreamingDecoder: Sendable {
    private let tokenizer: any Tokenizer
    private let skipsSpecials: Bool
    private var pending: [UInt8] = []
    /// A token whose text is out, and those whose text is not, where tokens depend on neighbours.
    private var context: [Int32] = []
    private var waiting: [Int32] = []

    /// Starts a text.
    public init(_ tokenizer: any Tokenizer, skippingSpecials: Bool = true) {
        self.tokenizer = tokenizer
        skipsSpecials = skippingSpecials
    }

    /// Adds a token and returns the text that is complete with it, often nothing.
    public mutating func append(_ id: Int32) -> String {
        if skipsSpecials, tokenizer.isSpecial(id) { return "" }
        guard tokenizer.decodesEachTokenAlone else {
            waiting.append(id)
            return tokenizer.isByteToken(id) ? "" : flush()
        }
        pending.append(contentsOf: tokenizer.bytes(of: id))
        let keep = StreamingDecoder.incompleteSuffix(pending)
        let text = String(decoding: pending.dropLast(keep), as: UTF8.self)
        pending.removeFirst(pending.count - keep)
        return text
    }

    /// Ends the text; what is left of a broken character becomes U+FFFD.
    public mutating func finish() -> String {
        defer { (pending, context) = ([], []) }
        return flush() + String(decoding: pending, as: UTF8.self)
    }

    /// The text that the waiting tokens add behind the one before them.
    private mutating func flush() -> String {
        guard !waiting.isEmpty else { return "" }
        let before = tokenizer.decode(context, skippingSpecials: false)
        let all = tokenizer.decode(context + waiting, skippingSpecials: false)
        if let last = waiting.last { context = [last] }
        waiting = []
        return String(decoding: all.utf8.dropFirst(before.utf8.count), as: UTF8.self)
    }

    /// Number of bytes of a character that begins so; 1 for a byte that begins none.
    private static func characterLength(_ first: UInt8) -> Int {
        switch first {
        case 0xC2..<0xE0: 2
        case 0xE0..<0xF0: 3
        case 0xF0..<0xF5: 4
        default: 1
        }
    }

    /// Number of last bytes that more bytes could complete to a character.
    private static func incompleteSuffix(_ bytes: [UInt8]) -> Int {
        for length in 1...3 where length <= bytes.count {
            let first = bytes[bytes.count - length]
            if first & 0xC0 == 0x80 { continue }
            guard characterLength(first) > length else { return 0 }
            if length > 1 {
                // A second byte that no character has makes the first one broken already.
                let second = bytes[bytes.count - length + 1]
                switch first {
                case 0xE0 where second < 0xA0, 0xED where second > 0x9F, 0xF0 where second < 0x90,
                    0xF4 where second > 0x8F:
                    return 0
                default: break
                }
            }
            return length
        }
        return 0
    }
}
