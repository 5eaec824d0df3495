/// Searching text by its bytes, free of Swift's canonical equivalence and of grapheme borders.
extension String {
    /// The byte offset where a text first occurs.
    func byteOffset(of part: String, from start: Int = 0) -> Int? {
        let (bytes, wanted) = (Array(utf8), Array(part.utf8))
        guard bytes.count >= wanted.count, start <= bytes.count - wanted.count else { return nil }
        return (start...(bytes.count - wanted.count)).first {
            bytes[$0..<$0 + wanted.count].elementsEqual(wanted)
        }
    }

    /// Whether a text occurs.
    func holds(_ part: String) -> Bool { byteOffset(of: part) != nil }

    /// The text of a range of bytes.
    func bytes(_ range: Range<Int>) -> String {
        String(decoding: Array(utf8)[range], as: UTF8.self)
    }

    /// The text before and after the first occurrence of a text.
    func split(at part: String) -> (before: String, after: String)? {
        byteOffset(of: part).map {
            (bytes(0..<$0), bytes($0 + part.utf8.count..<utf8.count))
        }
    }

    /// The first stretch from `open` through `close`, and what is between the two.
    func enclosed(
        by open: String, _ close: String, from start: Int = 0
    ) -> (range: Range<Int>, inner: String)? {
        guard let first = byteOffset(of: open, from: start) else { return nil }
        let inside = first + open.utf8.count
        guard let last = byteOffset(of: close, from: inside) else { return nil }
        return (first..<last + close.utf8.count, bytes(inside..<last))
    }

    /// Every occurrence of a text replaced.
    func replacing(_ part: String, by replacement: String) -> String {
        guard !part.isEmpty else { return self }
        var (result, rest) = ("", self)
        while let (before, after) = rest.split(at: part) {
            result += before + replacement
            rest = after
        }
        return result + rest
    }

    /// Without the white space at both ends, as Python's `strip`.
    var stripped: String {
        let scalars = unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }
}

extension [UInt8] {
    /// The place of the last occurrence of other bytes; nil where there is none.
    func last(_ other: [UInt8]) -> Int? {
        guard !other.isEmpty, count >= other.count else { return nil }
        return stride(from: count - other.count, through: 0, by: -1).first {
            self[$0] == other[0] && self[$0...].starts(with: other)
        }
    }
}

extension String {
    /// The text without a mark; itself where there is none.
    func unmarked(_ mark: String?) -> String { mark.map { replacing($0, by: "") } ?? self }
}
