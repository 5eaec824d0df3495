internal import FledgeCore

/// Reads the `model` of a `tokenizer.json` straight from its bytes: vocabularies are large.
struct ModelReader {
    private(set) var file: String
    private var type: String?
    /// About as many tokens as a file of its size holds.
    private var expectedCount: Int
    private var settings: [String: JSONValue] = [:]
    /// Parsers that stand before the vocabulary and the merges.
    private var vocabulary: JSONParser?
    private var merges: JSONParser?
    /// What was read on the way, on the assumption that words come as bytes; so it is in most files.
    private var early: (vocabulary: Vocabulary?, pairs: [MergeTable.Pair]?)

    /// Finds the parts of the model; the parser stands before it.
    init(_ parser: inout JSONParser, byteCount: Int, expectsBytes: Bool, file: String) throws {
        self.file = file
        expectedCount = byteCount / 64
        var reader = self
        try parser.parseMembers { parser, key in
            switch key {
            case "vocab":
                reader.vocabulary = parser
                if expectsBytes, reader.settings["type"]?.stringValue == "BPE" {
                    reader.early.vocabulary = try reader.tokens(&parser, isByteLevel: true)
                } else {
                    try parser.skipValue()
                }
            case "merges":
                reader.merges = parser
                if let vocabulary = reader.early.vocabulary {
                    reader.early.pairs = try reader.pairs(&parser, vocabulary, 0)
                } else {
                    try parser.skipValue()
                }
            default: reader.settings[key] = try parser.parseValue()
            }
        }
        self = reader
        type = settings["type"]?.stringValue
        guard var start = vocabulary else { throw corrupt("the model has no vocabulary", file) }
        if type == nil {
            // Old files leave the type out.
            let isList = start.peek() == UInt8(ascii: "[")
            type =
                merges != nil
                ? "BPE"
                : isList
                    ? "Unigram"
                    : settings["continuing_subword_prefix"] != nil ? "WordPiece" : "WordLevel"
        }
    }

    /// Whether the model is byte pairs without anything that needs words written in the alphabet.
    var mayBeByteLevel: Bool {
        type == "BPE" && settings["byte_fallback"]?.boolValue != true
            && text("continuing_subword_prefix").isEmpty && text("end_of_word_suffix").isEmpty
    }

    /// Reads the model; `isByteLevel` says that its words come as bytes.
    func model(isByteLevel: Bool, controls: Set<Int32>) throws -> TokenModel {
        let stages = StageReader(file: file)
        switch type {
        case "BPE": return .bytePair(try bytePairs(isByteLevel: isByteLevel, controls))
        case "Unigram": return .unigram(try unigram(controls))
        case "WordPiece":
            let vocabulary = try tokens(isByteLevel: false)
            return .wordPiece(
                WordPieceModel(
                    vocabulary: vocabulary, unknown: try unknown(vocabulary), controls: controls,
                    continuingPrefix: settings["continuing_subword_prefix"] == nil
                        ? Array("##".utf8) : text("continuing_subword_prefix"),
                    maximumWordLength: settings["max_input_chars_per_word"]?.intValue ?? 100))
        case "WordLevel":
            let vocabulary = try tokens(isByteLevel: false)
            return .wordLevel(
                WordLevelModel(
                    vocabulary: vocabulary, unknown: try unknown(vocabulary), controls: controls))
        default: throw stages.unsupported("model", type)
        }
    }

    private func text(_ key: String) -> [UInt8] { Array((settings[key]?.stringValue ?? "").utf8) }

    private func unknown(_ vocabulary: Vocabulary) throws -> Int32? {
        guard let text = settings["unk_token"]?.stringValue else { return nil }
        guard let id = vocabulary.id(written: Array(text.utf8)) else {
            // BERT's kind need not have one before it meets something unknown.
            if type != "BPE" { return nil }
            throw corrupt("the unknown token \(text) is not in the vocabulary", file)
        }
        return id
    }

    private func tokens(isByteLevel: Bool) throws -> Vocabulary {
        if isByteLevel, let vocabulary = early.vocabulary { return vocabulary }
        guard var parser = vocabulary else { throw corrupt("the model has no vocabulary", file) }
        return try tokens(&parser, isByteLevel: isByteLevel)
    }

    private func tokens(
        _ parser: inout JSONParser, isByteLevel: Bool
    ) throws -> Vocabulary {
        let result = Vocabulary(isByteLevel: isByteLevel, capacity: expectedCount)
        guard parser.skip(UInt8(ascii: "{")) else { throw parser.unexpected("an object") }
        if parser.skip(UInt8(ascii: "}")) { return result }
        while true {
            try parser.parseText { token, parser in
                guard parser.skip(UInt8(ascii: ":")) else { throw parser.unexpected("':'") }
                let id = try TokenTable.checked(parser.parseIndex()) ?? -1
                guard result.insert(token, id: id) else {
                    let text = String(decoding: token, as: UTF8.self)
                    throw corrupt("the token \(text) has no id of its own", file)
                }
            }
            if parser.skip(UInt8(ascii: ",")) { continue }
            guard parser.skip(UInt8(ascii: "}")) else { throw parser.unexpected("',' or '}'") }
            return result
        }
    }

    private func bytePairs(isByteLevel: Bool, _ controls: Set<Int32>) throws -> BytePairModel {
        if let dropout = settings["dropout"]?.doubleValue, dropout > 0 {
            throw StageReader(file: file).unsupported("model's", "dropout")
        }
        let vocabulary = try tokens(isByteLevel: isByteLevel)
        var options = BytePairModel.Options()
        options.unknown = try unknown(vocabulary)
        options.fusesUnknown = settings["fuse_unk"]?.boolValue ?? false
        options.fallsBackToBytes = settings["byte_fallback"]?.boolValue ?? false
        options.ignoresMerges = settings["ignore_merges"]?.boolValue ?? false
        options.controls = controls
        options.continuingPrefix = text("continuing_subword_prefix")
        options.wordSuffix = text("end_of_word_suffix")
        return BytePairModel(
            vocabulary: vocabulary,
            merges: MergeTable(try pairs(vocabulary, options.continuingPrefix.count)),
            options: options)
    }

    private func pairs(_ vocabulary: Vocabulary, _ prefix: Int) throws -> [MergeTable.Pair] {
        if vocabulary === early.vocabulary, prefix == 0, let pairs = early.pairs { return pairs }
        guard var parser = merges else { return [] }
        return try pairs(&parser, vocabulary, prefix)
    }

    private func pairs(
        _ parser: inout JSONParser, _ vocabulary: Vocabulary, _ prefix: Int
    ) throws -> [MergeTable.Pair] {
        var reader = MergeReader(vocabulary, continuingPrefixLength: prefix, file: file)
        guard parser.skip(UInt8(ascii: "[")) else { throw parser.unexpected("an array") }
        if parser.skip(UInt8(ascii: "]")) { return [] }
        var left = [UInt8]()
        repeat {
            switch parser.peek() {
            case UInt8(ascii: "\""): try parser.parseText { try reader.add(spaced: $0) }
            case UInt8(ascii: "["):
                _ = parser.skip(UInt8(ascii: "["))
                left.removeAll(keepingCapacity: true)
                try parser.parseText { left.append(contentsOf: $0) }
                guard parser.skip(UInt8(ascii: ",")) else { throw parser.unexpected("','") }
                try left.withUnsafeBufferPointer { left in
                    try parser.parseText { try reader.add(left, $0) }
                }
                guard parser.skip(UInt8(ascii: "]")) else { throw parser.unexpected("']'") }
            default: throw corrupt("a merge is neither a text nor two", file)
            }
        } while parser.skip(UInt8(ascii: ","))
        guard parser.skip(UInt8(ascii: "]")) else { throw parser.unexpected("',' or ']'") }
        return reader.pairs
    }

    private func unigram(_ controls: Set<Int32>) throws -> UnigramModel {
        guard var parser = vocabulary else { throw corrupt("the model has no vocabulary", file) }
        let result = Vocabulary(isByteLevel: false, capacity: 1 << 15)
        var scores = [Double]()
        var searched = [Int32]()
        try parser.parseElements { value, _ in
            guard let token = value[0]?.stringValue, let score = value[1]?.doubleValue,
                scores.count <= Int(TokenTable.maximumID)
            else { throw corrupt("a token of the vocabulary has no score", file) }
            let id = Int32(scores.count)
            scores.append(score)
            // Of equal tokens the last one counts, as in `tokenizers`; the others keep their ids.
            if result.insert(Array(token.utf8), id: id) {
                searched.append(id)
            } else {
                throw corrupt("the token \(token) occurs twice", file)
            }
        }
        let unknown = settings["unk_id"]?.intValue
        if let unknown, unknown < 0 || unknown >= scores.count {
            throw corrupt("the unknown token's id \(unknown) is not in the vocabulary", file)
        }
        return UnigramModel(
            vocabulary: result, scores: scores, unknown: unknown.map { Int32($0) },
            fallsBackToBytes: settings["byte_fallback"]?.boolValue ?? false,
            searched: searched.filter { !controls.contains($0) })
    }
}

/// Collects merges, which name their parts by how they are written.
struct MergeReader {
    private let vocabulary: Vocabulary
    private let prefix: Int
    private let file: String
    private(set) var pairs: [MergeTable.Pair] = []

    init(_ vocabulary: Vocabulary, continuingPrefixLength: Int = 0, file: String) {
        (self.vocabulary, prefix, self.file) = (vocabulary, continuingPrefixLength, file)
    }

    /// Adds a merge that is written as two tokens with a space between.
    mutating func add(spaced text: UnsafeBufferPointer<UInt8>) throws {
        guard let space = text.firstIndex(of: 0x20), !text[(space + 1)...].contains(0x20) else {
            throw corrupt(
                "the merge \(String(decoding: text, as: UTF8.self)) has not two parts", file)
        }
        try add(
            UnsafeBufferPointer(rebasing: text[..<space]),
            UnsafeBufferPointer(rebasing: text[(space + 1)...]))
    }

    /// Adds a merge of two written tokens.
    mutating func add(
        _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
    ) throws {
        let count = left.count + max(right.count - prefix, 0)
        let pair = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(count, 1)) {
            both -> MergeTable.Pair? in
            _ = both.initialize(fromContentsOf: left)
            for index in left.count..<count {
                both.initializeElement(at: index, to: right[prefix + index - left.count])
            }
            guard let a = vocabulary.id(written: left), let b = vocabulary.id(written: right),
                // Files list merges in the order of the tokens that they make.
                let c = vocabulary.id(
                    written: UnsafeBufferPointer(rebasing: both[..<count]),
                    guess: pairs.last?.both ?? 0)
            else { return nil }
            return MergeTable.Pair(left: a, right: b, rank: Int32(pairs.count), both: c)
        }
        guard let pair else {
            let text = String(decoding: Array(left) + [0x20] + Array(right), as: UTF8.self)
            throw corrupt("the merge \(text) uses a token that is not in the vocabulary", file)
        }
        pairs.append(pair)
    }
}
