#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// Python's operations on texts: characters are code points, equality is that of the bytes.
package enum JinjaText {
    package static func equal(_ left: String, _ right: String) -> Bool {
        let count = left.utf8.count
        guard count == right.utf8.count else { return false }
        return left.withBytes { left in
            right.withBytes { right in
                guard let first = left.baseAddress, let second = right.baseAddress else {
                    return true
                }
                return memcmp(first, second, count) == 0
            }
        }
    }

    /// Order by code points, which is the order of the bytes.
    static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    /// The number of code points.
    static func length(_ text: String) -> Int {
        text.withBytes { bytes in
            var count = 0
            for byte in bytes where byte & 0xC0 != 0x80 { count += 1 }
            return count
        }
    }

    /// A text of bytes that were cut out of a text between code points.
    static func make(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        String(decoding: UnsafeBufferPointer(rebasing: bytes), as: UTF8.self)
    }

    /// The part of a text between two bytes.
    static func part(_ text: String, _ range: Range<Int>) -> String {
        if range.isEmpty { return "" }
        if range.count == text.utf8.count { return text }
        return text.withBytes { make($0[range]) }
    }

    /// The byte at which a code point begins; the length of the text for any beyond it.
    static func offset(ofScalar index: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        if index <= 0 { return 0 }
        var seen = 0
        for (offset, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 {
            if seen == index { return offset }
            seen += 1
        }
        return bytes.count
    }

    /// One character, counted from the end if negative.
    static func character(_ text: String, at index: Int) -> String? {
        let isASCII = text.utf8.count == length(text)
        let count = isASCII ? text.utf8.count : length(text)
        let index = index < 0 ? index + count : index
        guard index >= 0, index < count else { return nil }
        return text.withBytes { bytes in
            if isASCII { return make(bytes[index..<index + 1]) }
            return make(bytes[offset(ofScalar: index, bytes)..<offset(ofScalar: index + 1, bytes)])
        }
    }

    /// The first place of a pattern in a part of a text, by bytes.
    static func find(
        _ pattern: UnsafeBufferPointer<UInt8>, in bytes: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>
    ) -> Int? {
        guard let first = pattern.first else { return range.lowerBound }
        guard range.count >= pattern.count else { return nil }
        if pattern.count > 32 { return findLong(pattern, in: bytes, range) }
        var position = range.lowerBound
        let last = range.upperBound - pattern.count
        search: while position <= last {
            if bytes[position] != first {
                position += 1
                continue
            }
            for index in 1..<max(pattern.count, 1) where bytes[position + index] != pattern[index] {
                position += 1
                continue search
            }
            return position
        }
        return nil
    }

    /// Knuth, Morris and Pratt's search, linear also where a text was made to be hard.
    private static func findLong(
        _ pattern: UnsafeBufferPointer<UInt8>, in bytes: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>
    ) -> Int? {
        var borders = [Int](repeating: 0, count: pattern.count)
        var matched = 0
        for index in 1..<pattern.count {
            while matched > 0, pattern[index] != pattern[matched] { matched = borders[matched - 1] }
            if pattern[index] == pattern[matched] { matched += 1 }
            borders[index] = matched
        }
        matched = 0
        for position in range {
            while matched > 0, bytes[position] != pattern[matched] {
                matched = borders[matched - 1]
            }
            if bytes[position] == pattern[matched] { matched += 1 }
            if matched == pattern.count { return position + 1 - matched }
        }
        return nil
    }

    /// The last place of a pattern in a part of a text, by bytes.
    static func findLast(
        _ pattern: UnsafeBufferPointer<UInt8>, in bytes: UnsafeBufferPointer<UInt8>,
        _ range: Range<Int>
    ) -> Int? {
        if pattern.isEmpty { return range.upperBound }
        var position = range.upperBound - pattern.count
        search: while position >= range.lowerBound {
            for index in 0..<pattern.count where bytes[position + index] != pattern[index] {
                position -= 1
                continue search
            }
            return position
        }
        return nil
    }

    package static func contains(_ text: String, _ pattern: String) -> Bool {
        text.withBytes { bytes in
            pattern.withBytes { find($0, in: bytes, 0..<bytes.count) != nil }
        }
    }

    static func hasPrefix(_ text: String, _ prefix: String) -> Bool {
        text.withBytes { bytes in prefix.withBytes { bytes.starts(with: $0) } }
    }

    static func hasSuffix(_ text: String, _ suffix: String) -> Bool {
        text.withBytes { bytes in
            suffix.withBytes { bytes.count >= $0.count && bytes.suffix($0.count).elementsEqual($0) }
        }
    }

    /// The number of places where a pattern occurs, none overlapping.
    static func count(_ pattern: String, in text: String) -> Int {
        if pattern.utf8.isEmpty { return length(text) + 1 }
        return text.withBytes { bytes in
            pattern.withBytes { pattern in
                var (count, position) = (0, 0)
                while let found = find(pattern, in: bytes, position..<bytes.count) {
                    count += 1
                    position = found + pattern.count
                }
                return count
            }
        }
    }

    /// `replace`: at most `limit` occurrences, all if it is negative.
    static func replace(_ text: String, _ old: String, _ new: String, limit: Int = -1) -> String {
        if limit == 0 { return text }
        if old.utf8.isEmpty {
            var result = ""
            var left = limit
            for scalar in text.unicodeScalars {
                if left != 0 {
                    result += new
                    left -= 1
                }
                result.unicodeScalars.append(scalar)
            }
            return left != 0 ? result + new : result
        }
        return text.withBytes { bytes in
            old.withBytes { pattern in
                guard var found = find(pattern, in: bytes, 0..<bytes.count) else { return text }
                var result = [UInt8]()
                result.reserveCapacity(bytes.count)
                var (position, left) = (0, limit)
                while true {
                    result.append(contentsOf: bytes[position..<found])
                    new.withBytes { result.append(contentsOf: $0) }
                    position = found + pattern.count
                    left -= 1
                    guard left != 0,
                        let next = find(pattern, in: bytes, position..<bytes.count)
                    else { break }
                    found = next
                }
                result.append(contentsOf: bytes[position...])
                return String(decoding: result, as: UTF8.self)
            }
        }
    }

    /// Python's `repr` of a text.
    static func quoted(_ text: String) -> String {
        var printer = JinjaPrinter(limit: .max)
        printer.quote(text)
        return printer.text
    }
}

extension String {
    /// Calls `body` with the UTF-8 bytes.
    @inline(__always)
    func withBytes<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R {
        if let result = try utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = self
        return try copy.withUTF8(body)
    }
}
