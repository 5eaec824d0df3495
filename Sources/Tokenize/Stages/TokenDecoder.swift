internal import FledgeCore

/// The stages that make text of tokens.
struct TokenDecoder: Sendable {
    /// One stage: written tokens in, others out.
    enum Stage: Sendable {
        /// Tokens in ``ByteAlphabet`` become one text.
        case byteLevel
        case metaspace(mark: UInt32, dropsFirst: Bool)
        case wordPiece(prefix: [UInt8], cleansUp: Bool)
        case bytePair(suffix: [UInt8])
        case replace(TextPattern, by: [UInt8])
        case byteFallback
        case fuse
        case strip(UInt32, start: Int, stop: Int)
        case connectionist(padding: [UInt8], delimiter: [UInt8], cleansUp: Bool)
    }

    /// The stages; `nil` when there are none, and then a space stands between tokens.
    var stages: [Stage]?

    /// Whether each token stands for the same bytes wherever it is.
    var isByteLevel: Bool {
        guard let stages, stages.count == 1, case .byteLevel = stages[0] else { return false }
        return true
    }

    /// Whether tokens such as `<0x0A>` stand for bytes.
    var fallsBackToBytes: Bool {
        stages?.contains { if case .byteFallback = $0 { true } else { false } } ?? false
    }

    /// The bytes of a text.
    func decode(_ tokens: [[UInt8]]) -> [UInt8] {
        guard let stages else { return Array(tokens.joined(separator: [0x20])) }
        var tokens = tokens
        for stage in stages { tokens = stage.apply(tokens) }
        return Array(tokens.joined())
    }

    /// The byte that a token such as `<0x0A>` stands for.
    static func byte(of token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: Array("<0x".utf8)),
            token[5] == UInt8(ascii: ">")
        else { return nil }
        return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
    }
}

extension TokenDecoder.Stage {
    func apply(_ tokens: [[UInt8]]) -> [[UInt8]] {
        switch self {
        case .byteLevel:
            let bytes = tokens.flatMap { ByteAlphabet.bytes(of: $0) }
            return [bytes]
        case .metaspace(let mark, let dropsFirst):
            var mark8 = [UInt8]()
            UTF8Text.append(mark, to: &mark8)
            return tokens.enumerated().map { index, token in
                token.replacing(mark8, by: index == 0 && dropsFirst ? [] : [0x20])
            }
        case .wordPiece(let prefix, let cleansUp):
            return tokens.enumerated().map { index, token in
                var token = token
                if index > 0 {
                    if token.starts(with: prefix) {
                        token.removeFirst(prefix.count)
                    } else {
                        token.insert(0x20, at: 0)
                    }
                }
                return cleansUp ? TokenDecoder.Stage.cleanedUp(token) : token
            }
        case .bytePair(let suffix):
            return tokens.enumerated().map { index, token in
                token.replacing(suffix, by: index == tokens.count - 1 ? [] : [0x20])
            }
        case .replace(let pattern, let content):
            return tokens.map { token in
                var token = token
                pattern.replaceAll(in: &token, by: content)
                return token
            }
        case .byteFallback: return TokenDecoder.Stage.joinBytes(tokens)
        case .fuse: return [Array(tokens.joined())]
        case .strip(let character, let start, let stop):
            return tokens.map { TokenDecoder.Stage.strip($0, character, start, stop) }
        case .connectionist(let padding, let delimiter, let cleansUp):
            var result = [[UInt8]]()
            for (index, token) in tokens.enumerated()
            where index == 0 || token != tokens[index - 1] {
                var token = token.replacing(padding, by: [])
                if cleansUp {
                    token = TokenDecoder.Stage.cleanedUp(token).replacing(delimiter, by: [0x20])
                }
                if !token.isEmpty { result.append(token) }
            }
            return result
        }
    }

    /// Runs of byte tokens become text; where they are not valid UTF-8, each becomes U+FFFD.
    private static func joinBytes(_ tokens: [[UInt8]]) -> [[UInt8]] {
        var result = [[UInt8]]()
        var run = [UInt8]()
        func flush() {
            guard !run.isEmpty else { return }
            if String(validating: run, as: UTF8.self) != nil {
                result.append(run)
            } else {
                result += Array(repeating: [0xEF, 0xBF, 0xBD], count: run.count)
            }
            run = []
        }
        for token in tokens {
            if let byte = TokenDecoder.byte(of: token) {
                run.append(byte)
            } else {
                flush()
                result.append(token)
            }
        }
        flush()
        return result
    }

    private static func strip(
        _ token: [UInt8], _ character: UInt32, _ start: Int, _ stop: Int
    ) -> [UInt8] {
        var bytes = [UInt8]()
        UTF8Text.append(character, to: &bytes)
        var range = token[...]
        var (left, right) = (start, stop)
        while left > 0, range.starts(with: bytes) {
            range = range.dropFirst(bytes.count)
            left -= 1
        }
        while right > 0, range.suffix(bytes.count).elementsEqual(bytes) {
            range = range.dropLast(bytes.count)
            right -= 1
        }
        return Array(range)
    }

    /// English punctuation joined to the word before it.
    private static func cleanedUp(_ token: [UInt8]) -> [UInt8] {
        let rules: [(String, String)] = [
            (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
            (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
        ]
        guard token.contains(0x20) else { return token }
        return rules.reduce(token) { $0.replacing(Array($1.0.utf8), by: Array($1.1.utf8)) }
    }
}

extension [UInt8] {
    /// All occurrences of a byte string replaced, from left to right.
    func replacing(_ wanted: [UInt8], by content: [UInt8]) -> [UInt8] {
        guard !wanted.isEmpty, contains(wanted[0]) else { return self }
        var text = self
        TextPattern.text(wanted).replaceAll(in: &text, by: content)
        return text
    }
}
