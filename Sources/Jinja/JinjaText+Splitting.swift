extension JinjaText {
    /// Whether Python's `str.isspace` is true of a code point.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
            0x205F, 0x3000:
            true
        default: false
        }
    }

    /// The code point that begins at a byte, and its length.
    static func scalar(_ bytes: UnsafeBufferPointer<UInt8>, at index: Int) -> (Unicode.Scalar, Int)
    {
        let lead = UInt32(bytes[index])
        if lead < 0x80 { return (Unicode.Scalar(UInt8(lead)), 1) }
        let count = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard index + count <= bytes.count else { return ("\u{FFFD}", bytes.count - index) }
        var value = lead & (0xFF >> UInt32(count + 1))
        for offset in 1..<count { value = value << 6 | UInt32(bytes[index + offset] & 0x3F) }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", count)
    }

    /// The code point that ends before a byte, and its length.
    private static func scalar(
        _ bytes: UnsafeBufferPointer<UInt8>, before end: Int
    ) -> (Unicode.Scalar, Int) {
        var start = end - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return (scalar(bytes, at: start).0, end - start)
    }

    /// `strip`, `lstrip` and `rstrip`, of white space or of given characters.
    package static func strip(
        _ text: String, _ characters: String? = nil, left: Bool = true, right: Bool = true
    ) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        func matches(_ scalar: Unicode.Scalar) -> Bool {
            set.map { $0.contains(scalar) } ?? isSpace(scalar)
        }
        return text.withBytes { bytes in
            var (start, end) = (0, bytes.count)
            while left, start < end {
                let (value, count) = scalar(bytes, at: start)
                guard matches(value) else { break }
                start += count
            }
            while right, end > start {
                let (value, count) = scalar(bytes, before: end)
                guard matches(value) else { break }
                end -= count
            }
            if start == 0, end == bytes.count { return text }
            return make(bytes[start..<end])
        }
    }

    /// `split` at a separator, which is not empty; at most `limit` times, always if negative.
    static func split(_ text: String, at separator: String, limit: Int) -> [String] {
        text.withBytes { bytes in
            separator.withBytes { pattern in
                var parts = [String]()
                var (position, left) = (0, limit)
                while left != 0, let found = find(pattern, in: bytes, position..<bytes.count) {
                    parts.append(make(bytes[position..<found]))
                    position = found + pattern.count
                    left -= 1
                }
                parts.append(make(bytes[position...]))
                return parts
            }
        }
    }

    /// `rsplit` at a separator.
    package static func splitFromEnd(_ text: String, at separator: String, limit: Int) -> [String] {
        text.withBytes { bytes in
            separator.withBytes { pattern in
                var parts = [String]()
                var (end, left) = (bytes.count, limit)
                while left != 0, let found = findLast(pattern, in: bytes, 0..<end) {
                    parts.append(make(bytes[found + pattern.count..<end]))
                    end = found
                    left -= 1
                }
                parts.append(make(bytes[..<end]))
                return parts.reversed()
            }
        }
    }

    /// `split` at runs of white space.
    static func words(_ text: String, limit: Int) -> [String] {
        text.withBytes { bytes in
            var parts = [String]()
            var (position, left) = (0, limit)
            func skip(spaces: Bool) {
                while position < bytes.count {
                    let (value, count) = scalar(bytes, at: position)
                    guard isSpace(value) == spaces else { return }
                    position += count
                }
            }
            while true {
                skip(spaces: true)
                guard position < bytes.count else { return parts }
                if left == 0 {
                    parts.append(make(bytes[position...]))
                    return parts
                }
                let start = position
                skip(spaces: false)
                parts.append(make(bytes[start..<position]))
                left -= 1
            }
        }
    }

    /// `rsplit` at runs of white space.
    static func wordsFromEnd(_ text: String, limit: Int) -> [String] {
        text.withBytes { bytes in
            var parts = [String]()
            var (end, left) = (bytes.count, limit)
            func skip(spaces: Bool) {
                while end > 0 {
                    let (value, count) = scalar(bytes, before: end)
                    guard isSpace(value) == spaces else { return }
                    end -= count
                }
            }
            while true {
                skip(spaces: true)
                guard end > 0 else { break }
                if left == 0 {
                    parts.append(make(bytes[..<end]))
                    break
                }
                let stop = end
                skip(spaces: false)
                parts.append(make(bytes[end..<stop]))
                left -= 1
            }
            return parts.reversed()
        }
    }

    /// `splitlines`.
    static func lines(_ text: String, keepingEnds: Bool = false) -> [String] {
        text.withBytes { bytes in
            var parts = [String]()
            var (start, position) = (0, 0)
            while position < bytes.count {
                let (value, count) = scalar(bytes, at: position)
                var end = position + count
                switch value.value {
                case 0x0D where end < bytes.count && bytes[end] == 0x0A: end += 1
                case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: break
                default:
                    position = end
                    continue
                }
                parts.append(make(bytes[start..<(keepingEnds ? end : position)]))
                (start, position) = (end, end)
            }
            if start < bytes.count { parts.append(make(bytes[start...])) }
            return parts
        }
    }
}
