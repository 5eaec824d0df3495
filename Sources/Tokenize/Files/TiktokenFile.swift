internal import FledgeCore

/// Reads tiktoken files: a token in base64 and its rank on each line.
///
/// The format holds neither the split pattern nor the control tokens; files of known families are
/// told by their number of tokens.
enum TiktokenFile {
    /// Whether the bytes look like such a file.
    static func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let line = bytes.prefix(200).prefix { $0 != 0x0A && $0 != 0x0D }
        guard let space = line.lastIndex(of: 0x20), space > 0 else { return false }
        let digits = line[(space + 1)...]
        return !digits.isEmpty && digits.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
            && Base64.decode(line[..<space]) != nil
    }

    static func tokenizer(_ bytes: UnsafeRawBufferPointer, file: String) throws -> TextTokenizer {
        var vocabulary = RankedVocabulary(file: file)
        vocabulary.tokens = try tokens(bytes, file)
        let count = vocabulary.tokens.count { !$0.isEmpty }
        guard let family = TiktokenFamily.named.first(where: { $0.tokenCount == count }) else {
            throw FledgeError(
                .unsupported,
                "A tiktoken file holds no split pattern, and none is known for \(count) tokens.",
                advice: "Known are "
                    + TiktokenFamily.named.map { "\($0.name) (\($0.tokenCount))" }.joined(
                        separator: ", ")
                    + ". Use the model's tokenizer.json instead.", at: .init(file: file))
        }
        vocabulary.splits = [family.pattern]
        vocabulary.dialect = .fancy
        vocabulary.specials = family.specials
        if family.isComposed { vocabulary.normalizer = ["type": "NFC"] }
        var tokenizer = try vocabulary.tokenizer()
        tokenizer.beginOfText = family.begin.flatMap { tokenizer.id(ofSpecial: $0) }
        tokenizer.endOfText = tokenizer.id(ofSpecial: family.end)
        tokenizer.files.postProcessor = tokenizer.postProcessor(family.begin != nil, false)
        return tokenizer
    }

    private static func tokens(
        _ bytes: UnsafeRawBufferPointer, _ file: String
    ) throws -> [[UInt8]] {
        var result = [[UInt8]]()
        var (start, line) = (0, 0)
        while start < bytes.count {
            line += 1
            var end = start
            while end < bytes.count, bytes[end] != 0x0A { end += 1 }
            defer { start = end + 1 }
            var stop = end
            if stop > start, bytes[stop - 1] == 0x0D { stop -= 1 }
            if stop == start { continue }
            let part = UnsafeRawBufferPointer(rebasing: bytes[start..<stop])
            guard let space = part.lastIndex(of: 0x20),
                let rank = Int(String(decoding: part[(space + 1)...], as: UTF8.self)),
                TokenTable.checked(rank) != nil,
                let token = Base64.decode(part[..<space])
            else {
                throw FledgeError(
                    .fileCorrupt, "Expected a token in base64, a space and a rank.",
                    at: .init(file: file, line: line))
            }
            while result.count <= rank { result.append([]) }
            guard result[rank].isEmpty else {
                throw FledgeError(
                    .fileCorrupt, "The rank \(rank) is there already.",
                    at: .init(file: file, line: line))
            }
            result[rank] = token
        }
        return result
    }
}
