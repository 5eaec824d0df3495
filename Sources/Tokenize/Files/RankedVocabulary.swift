internal import FledgeCore

/// The tokens of a byte-level vocabulary that states ranks instead of merges: two tokens merge when
/// their bytes together are one, and the lower rank comes first.
struct RankedVocabulary {
    /// The tokens' bytes by rank; an empty entry is a gap.
    var tokens: [[UInt8]] = []
    /// The id of rank 0.
    var firstID: Int32 = 0
    var specials: [AddedToken] = []
    var splits: [String] = []
    var dialect = Pattern.Dialect.oniguruma
    /// The normalizer, as `tokenizer.json` writes it.
    var normalizer = JSONValue.null
    let file: String

    init(file: String) { self.file = file }

    func tokenizer() throws -> TextTokenizer {
        let vocabulary = Vocabulary(isByteLevel: true, capacity: tokens.count)
        for (rank, token) in tokens.enumerated() where !token.isEmpty {
            let id = Int32(clamping: rank + Int(firstID))
            guard token.withUnsafeBufferPointer({ vocabulary.insert(bytes: $0, id: id) }) else {
                throw corrupt("the token of rank \(rank) occurs twice or is out of range", file)
            }
        }
        var options = BytePairModel.Options()
        options.ignoresMerges = true
        let model = BytePairModel(
            vocabulary: vocabulary, merges: MergeTable(merges(vocabulary)), options: options)
        var files = TokenizerFiles()
        files.normalizer = normalizer
        files.preTokenizer = StageValues.byteLevel(splits: splits)
        files.decoder = StageValues.byteLevelDecoder
        let reader = StageReader(file: file)
        var stages = try splits.map { split in
            PreTokenizer.split(
                .program(try reader.program(split, dialect)), .isolated, inverted: false)
        }
        stages.append(.byteLevel(addsPrefixSpace: false, pattern: nil, writesBytes: false))
        var result = TextTokenizer(
            model: .bytePair(model), normalizer: try reader.normalizer(normalizer),
            preTokenizers: stages, decoder: try reader.decoder(files.decoder),
            addedTokens: specials)
        result.files = files
        return result
    }

    private func merges(_ vocabulary: Vocabulary) -> [MergeTable.Pair] {
        var result = [MergeTable.Pair]()
        result.reserveCapacity(3 * tokens.count)
        for (rank, token) in tokens.enumerated() where token.count > 1 {
            token.withUnsafeBufferPointer { token in
                for split in 1..<token.count {
                    guard
                        let left = vocabulary.tokens.id(
                            of: UnsafeBufferPointer(rebasing: token[..<split])),
                        let right = vocabulary.tokens.id(
                            of: UnsafeBufferPointer(rebasing: token[split...]))
                    else { continue }
                    result.append(
                        MergeTable.Pair(
                            left: left, right: right, rank: Int32(rank),
                            both: Int32(rank) + firstID))
                }
            }
        }
        return result
    }
}

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
        var ignored = [UInt8]()
        return !digits.isEmpty && digits.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
            && Base64.decode(
                UnsafeRawBufferPointer(rebasing: line[..<space]).assumingMemoryBound(
                    to: UInt8.self), into: &ignored)
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
            var token = [UInt8]()
            guard let space = part.lastIndex(of: 0x20),
                let rank = Int(String(decoding: part[(space + 1)...], as: UTF8.self)),
                TokenTable.checked(rank) != nil,
                Base64.decode(
                    UnsafeRawBufferPointer(rebasing: part[..<space]).assumingMemoryBound(
                        to: UInt8.self), into: &token)
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

/// What tiktoken files leave out: patterns and control tokens of a family of models.
struct TiktokenFamily: Sendable {
    var name: String
    var tokenCount: Int
    var pattern: String
    var specials: [AddedToken]
    var begin: String?
    var end = "<|endoftext|>"
    var isComposed = false

    private static func specials(_ tokens: [(String, Int32)]) -> [AddedToken] {
        tokens.map { AddedToken($0.0, id: $0.1) }
    }

    private static func llama(
        _ first: Int32, _ names: [String], reserved: String, total: Int32
    ) -> [AddedToken] {
        var number = -1
        var result = names.enumerated().map { offset, name -> AddedToken in
            if name.isEmpty { number += 1 }
            let text = name.isEmpty ? reserved.replacing("#", by: String(number)) : name
            return AddedToken(text, id: first + Int32(offset))
        }
        while result.count < total {
            number += 1
            result.append(
                AddedToken(
                    reserved.replacing("#", by: String(number)), id: first + Int32(result.count)))
        }
        return result
    }

    static let named: [TiktokenFamily] = [
        TiktokenFamily(
            name: "r50k_base", tokenCount: 50256, pattern: SplitPatterns.gpt2,
            specials: specials([("<|endoftext|>", 50256)])),
        TiktokenFamily(
            name: "p50k_base", tokenCount: 50280, pattern: SplitPatterns.gpt2,
            specials: specials([("<|endoftext|>", 50256)])),
        TiktokenFamily(
            name: "cl100k_base", tokenCount: 100256, pattern: SplitPatterns.cl100k,
            specials: specials([
                ("<|endoftext|>", 100257), ("<|fim_prefix|>", 100258), ("<|fim_middle|>", 100259),
                ("<|fim_suffix|>", 100260), ("<|endofprompt|>", 100276),
            ])),
        TiktokenFamily(
            name: "o200k_base", tokenCount: 199998, pattern: SplitPatterns.o200k,
            specials: specials([("<|endoftext|>", 199999), ("<|endofprompt|>", 200018)])),
        TiktokenFamily(
            name: "Llama 3", tokenCount: 128000, pattern: SplitPatterns.cl100k,
            specials: llama(
                128000,
                [
                    "<|begin_of_text|>", "<|end_of_text|>", "", "", "<|finetune_right_pad_id|>", "",
                    "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>",
                    "<|python_tag|>",
                ], reserved: "<|reserved_special_token_#|>", total: 256),
            begin: "<|begin_of_text|>", end: "<|end_of_text|>"),
        TiktokenFamily(
            name: "Qwen", tokenCount: 151643, pattern: SplitPatterns.qwen2,
            specials: llama(
                151643, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], reserved: "<|extra_#|>",
                total: 208), isComposed: true),
    ]
}
