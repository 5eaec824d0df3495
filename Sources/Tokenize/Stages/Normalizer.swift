/// What happens to a text before its words are cut.
indirect enum Normalizer: Hashable, Sendable {
    case sequence([Normalizer])
    case form(UnicodeForm)
    case lowercase
    case stripAccents
    case strip(left: Bool, right: Bool)
    case prepend([UInt8])
    case replace(TextPattern, by: [UInt8])
    case characterMap(CharacterMap)
    case bert(BertNormalizer)
    /// SentencePiece's removal of control characters.
    case nmt
    /// Writes each byte as its character of ``ByteAlphabet``.
    case byteLevel
    case sentencePiece(SentencePieceNormalizer)

    /// Whether the text always stays as it is.
    var isEmpty: Bool { self == .sequence([]) }

    /// Whether bytes of the text keep their places unless the number of bytes changes.
    func apply(to text: inout [UInt8]) {
        switch self {
        case .sequence(let stages):
            for stage in stages { stage.apply(to: &text) }
        case .form(let form): form.apply(to: &text)
        case .lowercase: Normalizer.lowercase(&text)
        case .stripAccents:
            Normalizer.filter(&text) { !Normalizer.isMark($0) }
        case .strip(let left, let right): Normalizer.strip(&text, left, right)
        case .prepend(let prefix):
            if !text.isEmpty { text.insert(contentsOf: prefix, at: 0) }
        case .replace(let pattern, let content): pattern.replaceAll(in: &text, by: content)
        case .characterMap(let map): map.apply(to: &text)
        case .bert(let bert): bert.apply(to: &text)
        case .nmt: Normalizer.nmt(&text)
        case .byteLevel: text = ByteAlphabet.written(text)
        case .sentencePiece(let normalizer): normalizer.apply(to: &text)
        }
    }

    /// Whether the character was a mark in the Unicode version of ``UnicodeForm``.
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1CF2...0x1CF3: true
        case 0x111C9: false
        default:
            UnicodeCategory.marks >> UInt32(UnicodeCategory.bit(of: scalar)) & 1 != 0
                && UnicodeCategory.isKnown(scalar, to: UnicodeForm.version)
        }
    }

    /// Rewrites each character that is not ASCII, and ASCII by another function.
    static func map(
        _ text: inout [UInt8], ascii: (UInt8, inout [UInt8]) -> Void,
        _ body: (Unicode.Scalar, inout [UInt8]) -> Void
    ) {
        var result = [UInt8]()
        result.reserveCapacity(text.count)
        text.withUnsafeBufferPointer { text in
            var index = 0
            while index < text.count {
                if text[index] < 0x80 {
                    ascii(text[index], &result)
                    index += 1
                    continue
                }
                let (value, next) = UTF8Text.decode(text, at: index)
                if let scalar = Unicode.Scalar(value) { body(scalar, &result) }
                index = next
            }
        }
        text = result
    }

    /// Keeps ASCII and the other characters that a test accepts.
    static func filter(_ text: inout [UInt8], _ keeps: (Unicode.Scalar) -> Bool) {
        map(&text, ascii: { $1.append($0) }) {
            if keeps($0) { UTF8Text.append($0.value, to: &$1) }
        }
    }

    /// Each character by itself, without regard to its neighbours.
    static func lowercase(_ text: inout [UInt8]) {
        map(&text, ascii: { $1.append($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) }) {
            $1.append(contentsOf: $0.properties.lowercaseMapping.utf8)
        }
    }

    private static func strip(_ text: inout [UInt8], _ left: Bool, _ right: Bool) {
        let range = text.withUnsafeBufferPointer { text -> Range<Int> in
            var (start, end) = (0, text.count)
            while left, start < end {
                let (value, next) = UTF8Text.decode(text, at: start)
                guard ScalarSet.space.contains(value) else { break }
                start = next
            }
            while right, end > start {
                let last = UTF8Text.previous(text, before: end)
                guard ScalarSet.space.contains(UTF8Text.decode(text, at: last).value) else { break }
                end = last
            }
            return start..<end
        }
        if range.count < text.count { text = Array(text[range]) }
    }

    private static func nmt(_ text: inout [UInt8]) {
        map(
            &text,
            ascii: { byte, result in
                switch byte {
                case 0x09, 0x0A, 0x0C, 0x0D: result.append(0x20)
                case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F: break
                default: result.append(byte)
                }
            },
            { scalar, result in
                switch scalar.value {
                case 0x8F, 0x9F: break
                case 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD:
                    result.append(0x20)
                default: UTF8Text.append(scalar.value, to: &result)
                }
            })
    }
}

/// BERT's cleaning of a text.
struct BertNormalizer: Hashable, Sendable {
    var cleansText = true
    var separatesChinese = true
    var stripsAccents = true
    var lowercases = true

    func apply(to text: inout [UInt8]) {
        if cleansText { BertNormalizer.clean(&text) }
        if separatesChinese {
            Normalizer.map(&text, ascii: { $1.append($0) }) { scalar, result in
                let isChinese = BertNormalizer.isChinese(scalar.value)
                if isChinese { result.append(0x20) }
                UTF8Text.append(scalar.value, to: &result)
                if isChinese { result.append(0x20) }
            }
        }
        if stripsAccents {
            UnicodeForm.decomposed.apply(to: &text)
            Normalizer.filter(&text) { !BertNormalizer.isAccent($0) }
        }
        if lowercases { Normalizer.lowercase(&text) }
    }

    /// Whether the character was a nonspacing mark in Unicode 8, which BERT's stages go by.
    private static func isAccent(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x1734, 0x1171E: true
        case 0x1885...0x1886, 0xA9BD, 0x111C9: false
        default:
            scalar.properties.generalCategory == .nonspacingMark
                && UnicodeCategory.isKnown(scalar, to: 8)
        }
    }

    private static func clean(_ text: inout [UInt8]) {
        Normalizer.map(
            &text,
            ascii: { byte, result in
                switch byte {
                case 0x09, 0x0A, 0x0D, 0x20: result.append(0x20)
                case 0..<0x20, 0x7F: break
                default: result.append(byte)
                }
            },
            { scalar, result in
                switch scalar.properties.generalCategory {
                case .control, .privateUse: return
                case .format where UnicodeCategory.isKnown(scalar, to: 8): return
                default: break
                }
                if scalar.value == 0xFFFD { return }
                UTF8Text.append(
                    ScalarSet.space.contains(scalar.value) ? 0x20 : scalar.value, to: &result)
            })
    }

    private static func isChinese(_ value: UInt32) -> Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
            0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}
