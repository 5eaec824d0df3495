internal import Foundation

/// Unicode's normal forms, as the `unicode-normalization-alignments` crate of `tokenizers` has them.
enum UnicodeForm: Hashable, Sendable {
    case composed, decomposed, compatiblyComposed, compatiblyDecomposed

    /// The crate's Unicode version; later characters are left alone and separate their neighbours.
    static let version = 9

    /// Characters that the form neither changes nor joins to what is before them.
    private var inert: ScalarSet {
        switch self {
        case .composed: UnicodeForm.inertInComposed
        case .decomposed, .compatiblyDecomposed: UnicodeForm.inertInDecomposed
        case .compatiblyComposed: UnicodeForm.inertInCompatiblyComposed
        }
    }

    /// A few characters too many are outside: those only take the slower way.
    private static let inertInComposed = ScalarSet(categories: UnicodeCategory.marks).union(
        ScalarSet(
            0x1161...0x1175, 0x11A8...0x11C2, 0x0374...0x0374, 0x037E...0x037E, 0x0387...0x0387,
            0x0958...0x095F, 0x09DC...0x09DF, 0x0A33...0x0A36, 0x0A59...0x0A5E, 0x0B5C...0x0B5D,
            0x0F00...0x0FFF, 0x1F70...0x1FFF, 0x2000...0x2001, 0x2126...0x212B, 0x2329...0x232A,
            0x2ADC...0x2ADC, 0xF900...0xFAFF, 0xFB1D...0xFB4E, 0x1D15E...0x1D164,
            0x1D1BB...0x1D1C0, 0x2F800...0x2FA1D)
    ).complement
    private static let inertInDecomposed = ScalarSet(
        0...0x9F, 0x3400...0x4DBF, 0x4E00...0x9FFF)
    private static let inertInCompatiblyComposed = ScalarSet(
        0...0x9F, 0x0400...0x0482, 0x3001...0x3002, 0x3041...0x3096, 0x30A1...0x30F4,
        0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7A3)

    /// Brings a text of valid UTF-8 into the form.
    func apply(to text: inout [UInt8]) {
        var result = [UInt8]()
        let changed = text.withUnsafeBufferPointer { text in
            inert.words.withUnsafeBufferPointer { words in
                UnicodeForm.rewrite(text, words, into: &result) { normalized($0) }
            }
        }
        if changed { text = result }
    }

    /// Rewrites each stretch of characters that are not inert together with the one before it.
    private static func rewrite(
        _ text: UnsafeBufferPointer<UInt8>, _ inert: UnsafeBufferPointer<UInt64>,
        into result: inout [UInt8], _ body: (UnsafeBufferPointer<UInt8>) -> [UInt8]
    ) -> Bool {
        @inline(__always) func isInert(_ value: UInt32) -> Bool {
            let place = UnicodeCategory.place(value)
            return inert[place >> 6] >> UInt64(place & 63) & 1 != 0
        }
        var (index, copied, previous) = (0, 0, -1)
        while index < text.count {
            if text[index] < 0x80 {
                previous = index
                index += 1
                continue
            }
            let (value, next) = UTF8Text.decode(text, at: index)
            if isInert(value) {
                previous = index
                index = next
                continue
            }
            let start = previous >= copied ? previous : index
            var end = next
            while end < text.count {
                let (value, next) = UTF8Text.decode(text, at: end)
                if isInert(value) { break }
                end = next
            }
            result.append(contentsOf: text[copied..<start])
            result.append(contentsOf: body(UnsafeBufferPointer(rebasing: text[start..<end])))
            (index, copied, previous) = (end, end, -1)
        }
        guard copied > 0 else { return false }
        result.append(contentsOf: text[copied...])
        return true
    }

    private func normalized(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var result = [UInt8]()
        var known = String.UnicodeScalarView()
        func flush() {
            guard !known.isEmpty else { return }
            let part = String(known)
            let form =
                switch self {
                case .composed: part.precomposedStringWithCanonicalMapping
                case .decomposed: part.decomposedStringWithCanonicalMapping
                case .compatiblyComposed: part.precomposedStringWithCompatibilityMapping
                case .compatiblyDecomposed: part.decomposedStringWithCompatibilityMapping
                }
            result.append(contentsOf: form.utf8)
            known = String.UnicodeScalarView()
        }
        var index = 0
        while index < text.count {
            let (value, next) = UTF8Text.decode(text, at: index)
            index = next
            guard let scalar = Unicode.Scalar(value) else { continue }
            if UnicodeCategory.isKnown(scalar, to: UnicodeForm.version) {
                known.append(scalar)
            } else {
                flush()
                UTF8Text.append(value, to: &result)
            }
        }
        flush()
        return result
    }
}
