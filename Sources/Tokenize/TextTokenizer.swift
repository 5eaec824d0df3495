internal import FledgeCore

/// The tokenizer of a model folder or file, giving the ids of the `tokenizers` library.
///
/// It is made of stages: a text is normalised, cut at added tokens, cut into words, and each word
/// becomes ids by the model. A value: adding tokens makes a changed copy, and the vocabulary is shared
/// between copies.
public struct TextTokenizer: Tokenizer {
    let model: TokenModel
    let normalizer: Normalizer
    let preTokenizers: [PreTokenizer]
    let decoder: TokenDecoder
    let pool: ScratchPool
    var files = TokenizerFiles()
    /// The tokens that are found in the text before it is cut into words.
    public private(set) var addedTokens: [AddedToken]
    private var rawMatcher = AddedTokenMatcher([])
    private var normalizedMatcher = AddedTokenMatcher([])
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
        self.model = model
        pool = ScratchPool()
        self.normalizer = normalizer
        self.preTokenizers = preTokenizers
        self.decoder = decoder
        self.addedTokens = addedTokens
        indexAddedTokens()
    }

    private mutating func indexAddedTokens() {
        rawMatcher = AddedTokenMatcher(addedTokens.filter { !$0.isNormalized })
        normalizedMatcher = AddedTokenMatcher(addedTokens.filter(\.isNormalized)) { token in
            var bytes = Array(token.content.utf8)
            normalizer.apply(to: &bytes)
            return bytes
        }
        addedByID = [:]
        addedByContent = [:]
        for (index, token) in addedTokens.enumerated() {
            addedByID[token.id] = index
            addedByContent[Array(token.content.utf8)] = index
        }
    }

    /// Number of tokens, added ones included.
    public var vocabularyCount: Int {
        model.vocabulary.count + addedByID.keys.count { !model.vocabulary.contains($0) }
    }

    /// The id of a token that is written exactly so.
    public func id(ofSpecial token: String) -> Int32? {
        let bytes = Array(token.utf8)
        return addedByContent[bytes].map { addedTokens[$0].id } ?? model.vocabulary.id(written: bytes)
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
            for matcher in [rawMatcher, normalizedMatcher] {
                matcher.forEachPiece(bytes, .parse) { piece in
                    if case .token(let token) = piece, token.isSpecial { found = true }
                }
            }
        }
        return found
    }

    /// Adds tokens of a file.
    mutating func append(_ tokens: [AddedToken]) {
        addedTokens += tokens
        indexAddedTokens()
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
        // The first free id: after the vocabulary and after all added tokens.
        let last = addedTokens.map(\.id).max() ?? -1
        var id = known ?? max(Int32(model.vocabulary.count), last + 1)
        if known == nil, model.vocabulary.contains(id) { id = Int32(model.vocabulary.endID) }
        addedTokens.append(
            AddedToken(content, id: id, isSpecial: isSpecial, isNormalized: !isSpecial))
        indexAddedTokens()
        return known == nil
    }

    /// The ids of a text.
    public func encode(_ text: String, specials: SpecialTokenPolicy) -> [Int32] {
        var text = text
        return text.withUTF8 { encode($0, specials: specials) }
    }

    /// The ids of a text of valid UTF-8.
    public func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, specials: SpecialTokenPolicy
    ) -> [Int32] {
        pool.withScratch { scratch in
            var ids = [Int32]()
            ids.reserveCapacity(bytes.count / 3 + 4)
            rawMatcher.forEachPiece(bytes, specials) { piece in
                switch piece {
                case .token(let token): ids.append(token.id)
                case .text(let range):
                    encode(
                        UnsafeBufferPointer(rebasing: bytes[range]), specials, range.lowerBound,
                        scratch, &ids)
                }
            }
            return ids
        }
    }

    /// Encodes a stretch without tokens of the first kind.
    private func encode(
        _ part: UnsafeBufferPointer<UInt8>, _ specials: SpecialTokenPolicy, _ offset: Int,
        _ scratch: EncodingScratch, _ ids: inout [Int32]
    ) {
        if normalizer.isEmpty {
            encode(normalized: part, specials, offset, offset == 0, scratch, &ids)
            return
        }
        var text = scratch.normalized
        scratch.normalized = []
        text.removeAll(keepingCapacity: true)
        text.append(contentsOf: part)
        normalizer.apply(to: &text)
        var policy = specials
        if case .parseWithin = specials, text.count != part.count {
            // Offsets do not survive a change of the text; then nothing is parsed.
            policy = .parseWithin([])
        }
        text.withUnsafeBufferPointer {
            encode(normalized: $0, policy, offset, offset == 0, scratch, &ids)
        }
        scratch.normalized = text
    }

    private func encode(
        normalized text: UnsafeBufferPointer<UInt8>, _ specials: SpecialTokenPolicy, _ offset: Int,
        _ isFirst: Bool, _ scratch: EncodingScratch, _ ids: inout [Int32]
    ) {
        guard !normalizedMatcher.isEmpty else { return cut(text, isFirst, scratch, &ids) }
        var policy = specials
        if case .parseWithin(let ranges) = specials {
            policy = .parseWithin(
                ranges.map { max($0.lowerBound - offset, 0)..<max($0.upperBound - offset, 0) })
        }
        normalizedMatcher.forEachPiece(text, policy) { piece in
            switch piece {
            case .token(let token): ids.append(token.id)
            case .text(let range):
                cut(
                    UnsafeBufferPointer(rebasing: text[range]), isFirst && range.lowerBound == 0,
                    scratch, &ids)
            }
        }
    }

    /// Cuts a stretch into words, whose ids the model gives.
    private func cut(
        _ text: UnsafeBufferPointer<UInt8>, _ isFirst: Bool, _ scratch: EncodingScratch,
        _ ids: inout [Int32]
    ) {
        scratch.pieces.begin(text, isFirst: isFirst)
        for stage in preTokenizers { scratch.pieces.apply(stage) }
        scratch.pieces.forEach { model.encode($0, scratch, into: &ids) }
    }
}

/// The former name of ``TextTokenizer``, which was for byte-level byte pairs only.
public typealias BytePairTokenizer = TextTokenizer

/// The parts of a tokenizer's files that are kept for saving, as they were read.
struct TokenizerFiles: Sendable {
    var normalizer = JSONValue.null
    var preTokenizer = JSONValue.null
    var postProcessor = JSONValue.null
    var decoder = JSONValue.null
    /// The members of `tokenizer_config.json`.
    var configuration: JSONValue = [:]
    /// Tokens that are listed as added ones when saved, though the model finds them by itself.
    var listedTokens: [AddedToken] = []
}
