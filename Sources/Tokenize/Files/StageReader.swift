internal import FledgeCore

/// Reads the stages of a `tokenizer.json`, naming the one that is not supported.
struct StageReader {
    let file: String

    func normalizer(_ value: JSONValue) throws -> Normalizer {
        let normalizer = try normalizerStage(value)
        try check(TextGrowth.of(normalizer), "normalizer")
        return normalizer
    }

    private func check(_ growth: Double, _ stage: String) throws {
        guard growth <= TextGrowth.limit else {
            throw FledgeError(
                .unsupported,
                "The tokenizer's \(stage) could make a text \(growth) times as long; the most that is "
                    + "read is \(TextGrowth.limit).", at: FledgeError.Location(file: file))
        }
    }

    private func normalizerStage(_ value: JSONValue) throws -> Normalizer {
        switch value["type"]?.stringValue {
        case nil where value.isNull: return .sequence([])
        case "Sequence":
            let stages = try (value["normalizers"]?.arrayValue ?? []).map(normalizerStage)
            return .sequence(stages.filter { !$0.isEmpty })
        case "NFC": return .form(.composed)
        case "NFD": return .form(.decomposed)
        case "NFKC": return .form(.compatiblyComposed)
        case "NFKD": return .form(.compatiblyDecomposed)
        case "Lowercase": return .lowercase
        case "StripAccents": return .stripAccents
        case "Nmt": return .nmt
        case "ByteLevel": return .byteLevel
        case "Strip":
            return .strip(left: flag(value, "strip_left"), right: flag(value, "strip_right"))
        case "Prepend": return .prepend(try text(value, "prepend"))
        case "Replace":
            return .replace(try pattern(value, "normalizer"), by: try text(value, "content"))
        case "Precompiled":
            let encoded = value["precompiled_charsmap"]?.stringValue ?? ""
            guard let bytes = Base64.decode(encoded), !bytes.isEmpty else {
                // Without a table nothing is replaced.
                if encoded.isEmpty { return .sequence([]) }
                throw corrupt("the normalizer's table is not valid base64", file)
            }
            guard let map = CharacterMap(bytes) else {
                throw corrupt("the normalizer's table of characters is damaged", file)
            }
            return .characterMap(map)
        case "BertNormalizer":
            let lowercases = flag(value, "lowercase", true)
            return .bert(
                BertNormalizer(
                    cleansText: flag(value, "clean_text", true),
                    separatesChinese: flag(value, "handle_chinese_chars", true),
                    stripsAccents: flag(value, "strip_accents", lowercases), lowercases: lowercases)
            )
        case let type: throw unsupported("normalizer", type)
        }
    }

    func preTokenizers(_ value: JSONValue) throws -> [PreTokenizer] {
        let stages = try preTokenizerStages(value)
        try check(TextGrowth.of(stages), "pre-tokenizer")
        return stages
    }

    private func preTokenizerStages(_ value: JSONValue) throws -> [PreTokenizer] {
        switch value["type"]?.stringValue {
        case nil where value.isNull: return []
        case "Sequence":
            return try (value["pretokenizers"]?.arrayValue ?? []).flatMap(preTokenizerStages)
        case "Digits":
            let individual = flag(value, "individual_digits")
            return [.scalars(.numeric, individual ? .isolated : .contiguous)]
        case "ByteLevel":
            return [
                .byteLevel(
                    addsPrefixSpace: flag(value, "add_prefix_space", true),
                    pattern: flag(value, "use_regex", true) ? StageReader.gpt2 : nil,
                    writesBytes: true)
            ]
        case "Split":
            return [
                .split(
                    try pattern(value, "pre-tokenizer"), try behavior(value),
                    inverted: flag(value, "invert"))
            ]
        case "Punctuation":
            return [.scalars(.bertPunctuation, try behavior(value, default: .isolated))]
        case "Whitespace": return [.split(.program(StageReader.words), .removed, inverted: true)]
        case "WhitespaceSplit": return [.scalars(.space, .removed)]
        case "BertPreTokenizer":
            return [.scalars(.space, .removed), .scalars(.bertPunctuation, .isolated)]
        case "CharDelimiterSplit", "Delimiter":
            guard let scalar = value["delimiter"]?.stringValue?.unicodeScalars.first else {
                throw corrupt("the pre-tokenizer's delimiter is missing", file)
            }
            return [.scalars(ScalarSet(scalar.value...scalar.value), .removed)]
        case "Metaspace":
            let mark = try text(value, "replacement")
            guard mark.first.map(UTF8Text.length) == mark.count else {
                throw corrupt("the replacement of the stage Metaspace is not one character", file)
            }
            return [
                .metaspace(
                    mark: mark, try scheme(value),
                    splits: flag(value, "split", true))
            ]
        case "UnicodeScripts": return [.scripts]
        case "FixedLength":
            let length = value["length"]?.intValue ?? 5
            guard length > 0 else { throw corrupt("the pieces' length is \(length)", file) }
            return [.fixedLength(length)]
        case let type: throw unsupported("pre-tokenizer", type)
        }
    }

    func decoder(_ value: JSONValue) throws -> TokenDecoder {
        if value.isNull { return TokenDecoder(stages: nil) }
        let decoder = TokenDecoder(stages: try decoderStages(value))
        try check(TextGrowth.of(decoder), "decoder")
        return decoder
    }

    private func decoderStages(_ value: JSONValue) throws -> [TokenDecoder.Stage] {
        switch value["type"]?.stringValue {
        case "Sequence":
            return try (value["decoders"]?.arrayValue ?? []).flatMap(decoderStages)
        case "ByteLevel": return [.byteLevel]
        case "Metaspace":
            guard let mark = value["replacement"]?.stringValue?.unicodeScalars.first else {
                throw corrupt("the decoder's replacement is missing", file)
            }
            return [.metaspace(mark: mark.value, dropsFirst: try scheme(value) != .never)]
        case "WordPiece":
            return [
                .wordPiece(
                    prefix: Array((value["prefix"]?.stringValue ?? "##").utf8),
                    cleansUp: flag(value, "cleanup", true))
            ]
        case "BPEDecoder":
            return [.bytePair(suffix: Array((value["suffix"]?.stringValue ?? "</w>").utf8))]
        case "Replace":
            return [.replace(try pattern(value, "decoder"), by: try text(value, "content"))]
        case "ByteFallback": return [.byteFallback]
        case "Fuse": return [.fuse]
        case "Strip":
            guard let content = value["content"]?.stringValue?.unicodeScalars.first else {
                throw corrupt("the decoder's content is missing", file)
            }
            return [
                .strip(
                    content.value, start: max(value["start"]?.intValue ?? 0, 0),
                    stop: max(value["stop"]?.intValue ?? 0, 0))
            ]
        case "CTC":
            return [
                .connectionist(
                    padding: Array((value["pad_token"]?.stringValue ?? "<pad>").utf8),
                    delimiter: Array((value["word_delimiter_token"]?.stringValue ?? "|").utf8),
                    cleansUp: flag(value, "cleanup", true))
            ]
        case let type: throw unsupported("decoder", type)
        }
    }

    /// GPT-2's pattern, which ByteLevel has built in.
    private static let gpt2 = try? PatternProgram(
        #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .oniguruma)

    /// The pattern of the Whitespace stage.
    private static let words: PatternProgram = {
        guard let program = try? PatternProgram(#"\w+|[^\w\s]+"#, .fancy) else {
            preconditionFailure("StageReader: the pattern of words does not parse")
        }
        return program
    }()

    private func flag(_ value: JSONValue, _ key: String, _ standard: Bool = false) -> Bool {
        value[key]?.boolValue ?? standard
    }

    private func text(_ value: JSONValue, _ key: String) throws -> [UInt8] {
        guard let text = value[key]?.stringValue else {
            throw corrupt("the stage \(value["type"]?.stringValue ?? "?") has no \(key)", file)
        }
        return Array(text.utf8)
    }

    private func behavior(
        _ value: JSONValue, default standard: SplitBehavior? = nil
    ) throws -> SplitBehavior {
        let name = value["behavior"]?.stringValue
        guard let behavior = name.flatMap(SplitBehavior.init(rawValue:)) ?? standard else {
            throw corrupt("a stage's behavior is \(name ?? "missing")", file)
        }
        return behavior
    }

    private func scheme(_ value: JSONValue) throws -> PreTokenizer.PrependScheme {
        if value["add_prefix_space"]?.boolValue == false { return .never }
        guard let name = value["prepend_scheme"]?.stringValue else { return .always }
        guard let scheme = PreTokenizer.PrependScheme(rawValue: name) else {
            throw corrupt("the stage Metaspace has the prepend_scheme \(name)", file)
        }
        return scheme
    }

    private func pattern(_ value: JSONValue, _ stage: String) throws -> TextPattern {
        let pattern = value["pattern"]
        // Old files give the text by itself.
        if let text = pattern?["String"]?.stringValue ?? pattern?.stringValue {
            return .text(Array(text.utf8))
        }
        guard let expression = pattern?["Regex"]?.stringValue else {
            throw corrupt("a stage of the \(stage) has no pattern", file)
        }
        return .program(try program(expression, .oniguruma, stage))
    }

    /// A pattern made ready, or an error that names it.
    func program(
        _ expression: String, _ dialect: Pattern.Dialect, _ stage: String = "pre-tokenizer"
    ) throws -> PatternProgram {
        do {
            return try PatternProgram(expression, dialect)
        } catch let error as PatternError {
            throw FledgeError(
                .unsupported,
                "The \(stage)'s pattern \(expression) is not supported: \(error.reason).",
                at: FledgeError.Location(file: file))
        }
    }

    func unsupported(_ stage: String, _ name: String?) -> FledgeError {
        FledgeError(
            .unsupported, "The tokenizer's \(stage) \(name ?? "without a type") is not supported.",
            at: FledgeError.Location(file: file))
    }
}

/// The error of a tokenizer file that contradicts itself.
func corrupt(_ what: String, _ file: String) -> FledgeError {
    FledgeError(
        .fileCorrupt, "The tokenizer cannot be read: \(what).", at: FledgeError.Location(file: file)
    )
}
