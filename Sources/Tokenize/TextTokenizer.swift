internal import FledgeCore

/// The tokenizer of a model folder or file, giving the ids of the `tokenizers` library.
///
/// It is made of stages: a text is normalised, cut at added tokens, cut into words, and each word
/// becomes ids by the model. A value: adding tokens makes a changed copy, and the vocabulary is shared
/// between copies.
public struct TextTokenizer: Tokenizer {
    private(set) var pipeline: EncodingPipeline
    let decoder: TokenDecoder
    var files = TokenizerFiles()
    /// The tokens that are found in the text before it is cut into words.
    public private(set) var addedTokens: [AddedToken]
    private var addedByID: [Int32: Int] = [:]
    private var addedByContent: [[UInt8]: Int] = [:]

    /// The token that begins a text, for models that have one.
    public var beginOfText: Int32?
    /// The token that ends a text.
    public var endOfText: Int32?
    /// The token that fills up rows.
    public var padding: Int32?
    /// The token that stands for what is not known.
    public var unknown: Int32?
    /// Further special tokens that `tokenizer_config.json` names.
    public var extraSpecials: [String] = []
    /// The chat template in the Jinja language.
    public var chatTemplate: String?

    init(
        model: TokenModel, normalizer: Normalizer, preTokenizers: [PreTokenizer],
        decoder: TokenDecoder, addedTokens: [AddedToken]
    ) {
        pipeline = EncodingPipeline(model, normalizer, preTokenizers)
        self.decoder = decoder
        self.addedTokens = addedTokens
        indexAddedTokens()
    }

    private mutating func indexAddedTokens() {
        pipeline = EncodingPipeline(pipeline, finding: addedTokens)
        addedByID = [:]
        addedByContent = [:]
        for (index, token) in addedTokens.enumerated() {
            addedByID[token.id] = index
            addedByContent[Array(token.content.utf8)] = index
        }
    }

    /// The model behind the stages.
    var model: TokenModel { pipeline.model }

    /// Number of tokens, added ones included.
    public var vocabularyCount: Int {
        model.vocabulary.count + addedByID.keys.count { !model.vocabulary.contains($0) }
    }

    /// The id of a token that is written exactly so.
    public func id(ofSpecial token: String) -> Int32? {
        let bytes = Array(token.utf8)
        return addedByContent[bytes].map { addedTokens[$0].id }
            ?? model.vocabulary.id(written: bytes)
    }

    /// How a token is written in the vocabulary; `nil` for an id without one.
    public func written(_ id: Int32) -> String? {
        if let index = addedByID[id] { return addedTokens[index].content }
        return model.vocabulary.contains(id) ? model.vocabulary.text(id) : nil
    }

    /// The added token of an id.
    func added(_ id: Int32) -> AddedToken? { addedByID[id].map { addedTokens[$0] } }

    /// Whether the token is a control token.
    public func isSpecial(_ id: Int32) -> Bool { added(id)?.isSpecial ?? false }

    /// Whether control tokens are written in the text.
    public func containsSpecial(_ text: String) -> Bool {
        var text = text
        var found = false
        text.withUTF8 { bytes in
            for matcher in [pipeline.rawMatcher, pipeline.normalizedMatcher] {
                matcher.forEachPiece(bytes, .parse) { piece in
                    if case .token(let id) = piece, isSpecial(id) { found = true }
                }
            }
        }
        return found
    }

    /// Adds tokens as the `tokenizers` library does: a token that the vocabulary has keeps its id, and
    /// takes the flags.
    mutating func add(_ tokens: [TokenizerSideFiles.Token]) {
        for token in tokens where !token.content.isEmpty {
            let bytes = Array(token.content.utf8)
            if let index = addedByContent[bytes] {
                addedTokens[index] = token.added(addedTokens[index].id)
            } else {
                addedByContent[bytes] = addedTokens.count
                addedTokens.append(token.added(model.vocabulary.id(written: bytes) ?? freeID))
            }
        }
        indexAddedTokens()
    }

    /// The first free id: after the vocabulary and after all added tokens.
    private var freeID: Int32 {
        let id = max(Int32(model.vocabulary.count), (addedTokens.map(\.id).max() ?? -1) + 1)
        return model.vocabulary.contains(id) ? Int32(model.vocabulary.endID) : id
    }

    /// Makes a token a control token, adding it to the vocabulary when it is missing.
    ///
    /// - Returns: Whether the vocabulary grew; the model's embedding then needs a new row.
    @discardableResult
    public mutating func addSpecial(_ content: String) -> Bool { add(content, isSpecial: true) }

    /// Adds an ordinary token that is found in the text before words are cut.
    ///
    /// - Returns: Whether the vocabulary grew; the model's embedding then needs a new row.
    @discardableResult
    public mutating func addToken(_ content: String) -> Bool { add(content, isSpecial: false) }

    private mutating func add(_ content: String, isSpecial: Bool) -> Bool {
        guard !content.isEmpty else { return false }
        if let index = addedByContent[Array(content.utf8)] {
            if isSpecial, !addedTokens[index].isSpecial {
                addedTokens[index].isSpecial = true
                indexAddedTokens()
            }
            return false
        }
        let known = model.vocabulary.id(written: Array(content.utf8))
        addedTokens.append(
            AddedToken(content, id: known ?? freeID, isSpecial: isSpecial, isNormalized: !isSpecial)
        )
        indexAddedTokens()
        return known == nil
    }

    /// The ids of a text.
    public func encode(_ text: String, specials: SpecialTokenPolicy) -> [Int32] {
        var text = text
        return text.withUTF8 { pipeline.encode($0, specials) }
    }

    /// The ids of a text of UTF-8; what is not valid gives some ids, too.
    public func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, specials: SpecialTokenPolicy
    ) -> [Int32] {
        pipeline.encode(bytes, specials)
    }
}

/// The parts of a tokenizer's files that are kept for saving, as they were read.
struct TokenizerFiles: Sendable {
    var normalizer = JSONValue.null
    var preTokenizer = JSONValue.null
    var postProcessor = JSONValue.null
    var decoder = JSONValue.null
    /// The members of `tokenizer_config.json`.
    var configuration: JSONValue = [:]
    /// The `tokenizer.model` of SentencePiece that was read, and the added tokens that it holds.
    var sentencePiece: (bytes: [UInt8], addedTokens: [AddedToken])?
    /// Tokens that are listed as added ones when saved, though the model finds them by itself.
    var listedTokens: [AddedToken] = []
}
