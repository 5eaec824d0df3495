import FledgeCore

/// The bytes of an answer, with what Python's `strip` and regular expressions take for white space.
struct AnswerText {
    let bytes: [UInt8]

    init(_ text: String) { bytes = Array(text.utf8) }

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// All of it.
    var range: Range<Int> { 0..<bytes.count }

    /// The text of a range of bytes.
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    /// Whether a text stands at a place.
    func holds(_ part: String, at place: Int) -> Bool {
        place <= bytes.count && bytes[place...].starts(with: part.utf8)
    }

    /// The end of the text that stands at a place; `nil` where something else does.
    func end(of part: String, at place: Int) -> Int? {
        holds(part, at: place) ? place + part.utf8.count : nil
    }

    /// The end of the white space that begins at a place.
    func spaceEnd(from start: Int, to end: Int) -> Int {
        var place = start
        while place < end {
            let length = spaceLength(at: place)
            if length == 0 { break }
            place += length
        }
        return min(place, end)
    }

    /// The range without the white space at both ends.
    func stripped(_ range: Range<Int>) -> Range<Int> {
        let start = spaceEnd(from: range.lowerBound, to: range.upperBound)
        var end = range.upperBound
        while end > start {
            guard
                let length = (1...3).first(where: {
                    end - $0 >= start && spaceLength(at: end - $0) == $0
                })
            else { break }
            end -= length
        }
        return start..<end
    }

    /// The one value that fills a range, as Python's `json.loads` reads it; `nil` where there is none.
    func json(_ range: Range<Int>) -> JSONValue? {
        // A byte order mark is no white space of JSON.
        if range.isEmpty || bytes[range.lowerBound] == 0xEF { return nil }
        return bytes.withUnsafeBytes {
            try? JSONValue(parsing: UnsafeRawBufferPointer(rebasing: $0[range]), file: "answer")
                .withUniqueMembers
        }
    }

    /// The number of bytes of the white space character at a place; 0 where there is none.
    func spaceLength(at place: Int) -> Int {
        func byte(_ offset: Int) -> UInt8 {
            place + offset < bytes.count ? bytes[place + offset] : 0
        }
        switch bytes[place] {
        case 0x09...0x0D, 0x1C...0x20: return 1
        case 0xC2: return byte(1) == 0x85 || byte(1) == 0xA0 ? 2 : 0
        case 0xE1: return byte(1) == 0x9A && byte(2) == 0x80 ? 3 : 0
        case 0xE2:
            switch (byte(1), byte(2)) {
            case (0x80, 0x80...0x8A), (0x80, 0xA8), (0x80, 0xA9), (0x80, 0xAF), (0x81, 0x9F):
                return 3
            default: return 0
            }
        case 0xE3: return byte(1) == 0x80 && byte(2) == 0x80 ? 3 : 0
        default: return 0
        }
    }
}
