public import FledgeCore

extension TextTokenizer {
    /// The content of `tokenizer.json`.
    public var json: JSONValue {
        [
            "version": "1.0", "truncation": nil, "padding": nil,
            "added_tokens": .array(listedTokens.map(\.json)),
            "normalizer": files.normalizer, "pre_tokenizer": files.preTokenizer,
            "post_processor": files.postProcessor, "decoder": files.decoder,
            "model": model.json(listing: tokensToList),
        ]
    }

    /// Added tokens that the saved model must list: `tokenizers` numbers those that it does not know
    /// one after another, whatever their ids in the file.
    private var tokensToList: [AddedToken] {
        let outside = listedTokens.filter { !model.vocabulary.contains($0.id) }
        let first = Int32(model.vocabulary.count)
        let fits = outside.enumerated().allSatisfy { $1.id == first + Int32($0) }
        return fits ? [] : outside
    }

    /// Writes `tokenizer.json`, `tokenizer_config.json` and, if there is one, `chat_template.jinja`.
    ///
    /// A tokenizer that was read from SentencePiece's `tokenizer.model` gets that file, too, unless
    /// tokens were added that it does not hold: the stages of `tokenizer.json` cannot replace runs of
    /// characters quite as SentencePiece's table does.
    ///
    /// - Parameter folder: A folder that exists.
    public func save(to folder: String) throws {
        try AtomicFile.write(JSONWriter.bytes(of: json, .indented), to: folder + "/tokenizer.json")
        try AtomicFile.write(
            configuration.serialized(.indented) + "\n", to: folder + "/tokenizer_config.json")
        if let (bytes, tokens) = files.sentencePiece, tokens == addedTokens {
            try AtomicFile.write(bytes, to: folder + "/tokenizer.model")
        }
        if let chatTemplate {
            try AtomicFile.write(chatTemplate, to: folder + "/chat_template.jinja")
        }
    }
}

extension Vocabulary {
    /// The `vocab` of a `tokenizer.json`, with further tokens.
    fileprivate func json(listing added: [AddedToken]) -> JSONValue {
        let tokens = (0..<Int32(endID)).filter(contains).map { (text($0), $0) }
        return .object(
            (tokens + added.map { ($0.content, $0.id) }).sorted { $0.1 < $1.1 }.map {
                JSONValue.Member($0.0, .integer(Int($0.1)))
            })
    }
}

extension TokenModel {
    /// The `model` of a `tokenizer.json`.
    fileprivate func json(listing added: [AddedToken]) -> JSONValue {
        func text(_ id: Int32?) -> JSONValue { id.map { .string(vocabulary.text($0)) } ?? .null }
        func affix(_ bytes: [UInt8]) -> JSONValue {
            bytes.isEmpty ? .null : .string(String(decoding: bytes, as: UTF8.self))
        }
        switch self {
        case .bytePair(let model):
            let options = model.options
            return [
                "type": "BPE", "dropout": nil, "unk_token": text(options.unknown),
                "continuing_subword_prefix": affix(options.continuingPrefix),
                "end_of_word_suffix": affix(options.wordSuffix),
                "fuse_unk": .bool(options.fusesUnknown),
                "byte_fallback": .bool(options.fallsBackToBytes),
                "ignore_merges": .bool(options.ignoresMerges),
                "vocab": vocabulary.json(listing: added),
                "merges": .array(
                    model.writtenMerges.map { .array([text($0.left), text($0.right)]) }),
            ]
        case .unigram(let model):
            let unknown = model.unknown.map { JSONValue.integer(Int($0)) } ?? .null
            return [
                "type": "Unigram", "unk_id": unknown,
                "vocab": .array(
                    (0..<Int32(vocabulary.endID)).map {
                        .array([text($0), .number(model.scores[Int($0)])])
                    }), "byte_fallback": .bool(model.fallsBackToBytes),
            ]
        case .wordPiece(let model):
            return [
                "type": "WordPiece", "unk_token": text(model.unknown),
                "continuing_subword_prefix": .string(
                    String(decoding: model.continuingPrefix, as: UTF8.self)),
                "max_input_chars_per_word": .integer(model.maximumWordLength),
                "vocab": vocabulary.json(listing: added),
            ]
        case .wordLevel(let model):
            return [
                "type": "WordLevel", "vocab": vocabulary.json(listing: added),
                "unk_token": text(model.unknown),
            ]
        }
    }
}

extension BytePairModel {
    /// The merges in an order in which a list of distinct ranks gives the same ids.
    ///
    /// Files with a rank for each token, not for each merge, have several merges of one rank: those go
    /// by their parts, as the converters of `transformers` sort them.
    fileprivate var writtenMerges: [MergeTable.Pair] {
        merges.pairs.filter { max($0.left, $0.right, $0.both) < (1 << 23) }.sorted { a, b in
            (a.rank, a.left, a.right) < (b.rank, b.left, b.right)
        }
    }
}
