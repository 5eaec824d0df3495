/// The stages that cut a text into words before byte pairs are merged.
enum PreTokenizer: Hashable, Sendable {
    /// Cuts at numbers: each digit apart, or each run.
    case digits(individual: Bool)
    /// Cuts by a pattern, keeping all pieces.
    case split(SplitPattern)
    /// GPT-2's stage: an optional space before the text, then its pattern.
    case byteLevel(addsPrefixSpace: Bool, usesPattern: Bool)

    /// Calls with each piece of a text of valid UTF-8, in order.
    func forEachPiece(
        _ text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        switch self {
        case .digits(let individual):
            PreTokenizer.cutAtDigits(text, individual: individual, body)
        case .split(let pattern):
            PreTokenizer.cut(text, by: pattern, body)
        case .byteLevel(let addsPrefixSpace, let usesPattern):
            if addsPrefixSpace, let first = text.first, first != 0x20 {
                ([0x20] + Array(text)).withUnsafeBufferPointer {
                    PreTokenizer.byteLevel(addsPrefixSpace: false, usesPattern: usesPattern)
                        .forEachPiece($0, body)
                }
            } else if usesPattern {
                PreTokenizer.cut(text, by: .gpt2, body)
            } else if !text.isEmpty {
                body(text)
            }
        }
    }

    private static func cut(
        _ text: UnsafeBufferPointer<UInt8>, by pattern: SplitPattern,
        _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        var start = 0
        while start < text.count {
            let end = pattern.end(text, from: start)
            body(UnsafeBufferPointer(rebasing: text[start..<end]))
            start = end
        }
    }

    private static func cutAtDigits(
        _ text: UnsafeBufferPointer<UInt8>, individual: Bool,
        _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        var (start, index, inNumber) = (0, 0, false)
        func flush(_ end: Int) {
            if end > start { body(UnsafeBufferPointer(rebasing: text[start..<end])) }
            start = end
        }
        while index < text.count {
            let (scalar, next) = ScalarClass.decode(text, at: index)
            let isNumber = ScalarClass.isNumeric(scalar)
            if isNumber != inNumber || isNumber && individual { flush(index) }
            (inNumber, index) = (isNumber, next)
        }
        flush(index)
    }
}
