/// The split patterns of GPT-2, GPT-4, Llama 3 and Qwen 2, scanned without a pattern engine.
struct SplitPattern: Hashable, Sendable {
    /// Whether a word may begin with any character that is no letter, number or line break
    /// (GPT-4 and later) instead of a space, and the other rules that came with it.
    var isModern: Bool
    /// How many digits go into one word; `nil` for GPT-2's runs with a space before them.
    var digits: Int?

    /// GPT-2's pattern, which ByteLevel has built in.
    static let gpt2 = SplitPattern(isModern: false, digits: nil)

    /// The pattern that is written so.
    init?(expression: String) {
        let tail = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        let head = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#
        switch expression {
        case #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#:
            self = .gpt2
        case head + #"\p{N}{1,3}"# + tail: self = SplitPattern(isModern: true, digits: 3)
        case head + #"\p{N}"# + tail: self = SplitPattern(isModern: true, digits: 1)
        default: return nil
        }
    }

    init(isModern: Bool, digits: Int?) { (self.isModern, self.digits) = (isModern, digits) }

    /// The index after the match that begins at an index; every character is matched by something.
    func end(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        if bytes[start] == 0x27, let end = contraction(bytes, from: start) { return end }
        let (kind, next) = ScalarClass.read(bytes, at: start)
        let nextKind = next < bytes.count ? ScalarClass.read(bytes, at: next).kind : nil
        let isSpace = bytes[start] == 0x20
        switch kind {
        case .letter: return run(of: .letter, bytes, from: next)
        case .number: return run(of: .number, bytes, from: next, atMost: digits.map { $0 - 1 })
        case .other, .space:
            let mayLead = isModern ? bytes[start] != 0x0A && bytes[start] != 0x0D : isSpace
            if mayLead, nextKind == .letter { return run(of: .letter, bytes, from: next) }
            if !isModern, isSpace, nextKind == .number {
                return run(of: .number, bytes, from: next)
            }
            if kind == .other || isSpace && nextKind == .other {
                var end = run(of: .other, bytes, from: next)
                while isModern, end < bytes.count, bytes[end] == 0x0A || bytes[end] == 0x0D {
                    end += 1
                }
                return end
            }
            return whitespace(bytes, from: start)
        }
    }

    private func run(
        of kind: ScalarClass, _ bytes: UnsafeBufferPointer<UInt8>, from start: Int,
        atMost limit: Int? = nil
    ) -> Int {
        var (end, count) = (start, 0)
        while end < bytes.count, limit.map({ count < $0 }) ?? true {
            let (found, next) = ScalarClass.read(bytes, at: end)
            if found != kind { break }
            (end, count) = (next, count + 1)
        }
        return end
    }

    /// White space before a word leaves its last character to the word.
    private func whitespace(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var (end, last, afterBreak) = (start, start, start)
        while end < bytes.count {
            let (kind, next) = ScalarClass.read(bytes, at: end)
            if kind != .space { break }
            if bytes[end] == 0x0A || bytes[end] == 0x0D { afterBreak = next }
            (last, end) = (end, next)
        }
        if isModern, afterBreak > start { return afterBreak }
        return end == bytes.count || last == start ? end : last
    }

    private func contraction(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        func byte(_ offset: Int) -> UInt8? {
            guard start + offset < bytes.count else { return nil }
            let byte = bytes[start + offset]
            return isModern && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
        }
        guard let first = byte(1) else { return nil }
        switch (first, byte(2)) {
        case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _): return start + 2
        // The long s folds to s, so that (?i:'s) matches it.
        case (0xC5, 0xBF) where isModern: return start + 3
        case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
            (UInt8(ascii: "l"), UInt8(ascii: "l")):
            return start + 3
        case (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _): return start + 2
        default: return nil
        }
    }
}
