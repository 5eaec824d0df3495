import FledgeCore

/// A byte-level byte-pair tokenizer, giving the ids of the `tokenizers` library.
///
/// A value: adding tokens makes a changed copy, and the vocabulary is shared between copies.
public struct BytePairTokenizer: Tokenizer {
    /// The tokens that are found in the text itself, in the order of the file.
    public private(set) var addedTokens: [AddedToken]
    /// The token that begins a text.
    public var beginOfText: Int32?
    /// The token that ends a text.
    public var endOfText: Int32?
    /// The token that fills up rows.
    public var padding: Int32?
    /// The token that stands for what the vocabulary lacks, where the model's files name one.
    public var unknown: Int32?
    /// More tokens that the model's files declare as special, besides those above.
    public var extraSpecials: [String] = []
    /// The model's chat template in the Jinja language.
    public var chatTemplate: String?

    let model: BytePairModel
    let normalizer: Normalizer
    let preTokenizers: [PreTokenizer]
    /// What the files hold beyond what is used here; kept for saving.
    var files = TokenizerFiles()
    private var rawMatcher: AddedTokenMatcher
    private var normalizedMatcher: AddedTokenMatcher
    private var addedByID: [Int32: Int] = [:]
    private var addedByContent: [[UInt8]: Int] = [:]

    init(
        model: BytePairModel, normalizer: Normalizer, preTokenizers: [PreTokenizer],
        addedTokens: [AddedToken]
    ) {
        self.model = model
        self.normalizer = normalizer
        self.preTokenizers = preTokenizers
        self.addedTokens = addedTokens
        (rawMatcher, normalizedMatcher) = (AddedTokenMatcher([]), AddedTokenMatcher([]))
        indexAddedTokens()
    }

    private mutating func indexAddedTokens() {
        rawMatcher = AddedTokenMatcher(addedTokens.filter { !$0.isNormalized })
        normalizedMatcher = AddedTokenMatcher(addedTokens.filter(\.isNormalized))
        addedByID = [:]
        addedByContent = [:]
        for (index, token) in addedTokens.enumerated() {
            addedByID[token.id] = index
            addedByContent[Array(token.content.utf8)] = index
        }
    }

    /// Number of tokens, added ones included.
    public var vocabularyCount: Int {
        model.tokens.count + addedByID.keys.count { !model.tokens.contains($0) }
    }

    /// The ids of a text.
    public func encode(_ text: String, specials: SpecialTokenPolicy) -> [Int32] {
        var text = text
        var ids = [Int32]()
        text.withUTF8 { bytes in
            ids.reserveCapacity(bytes.count / 3 + 4)
            rawMatcher.forEachPiece(bytes, specials) { piece in
                switch piece {
                case .token(let token): ids.append(token.id)
                case .text(let range):
                    let part = UnsafeBufferPointer(rebasing: bytes[range])
                    encode(part, specials, at: range.lowerBound, into: &ids)
                }
            }
        }
        return ids
    }

    /// Encodes a stretch without tokens of the first kind.
    private func encode(
        _ part: UnsafeBufferPointer<UInt8>, _ specials: SpecialTokenPolicy, at offset: Int,
        into ids: inout [Int32]
    ) {
        normalizer.withNormalized(part) { text in
            guard !normalizedMatcher.isEmpty else { return encode(text, stage: 0, into: &ids) }
            var policy = specials
            if case .parseWithin(let ranges) = specials {
                // Offsets do not survive a change of the text; then nothing is parsed.
                let kept = text.count == part.count ? ranges : []
                policy = .parseWithin(
                    kept.map { max($0.lowerBound - offset, 0)..<max($0.upperBound - offset, 0) })
            }
            normalizedMatcher.forEachPiece(text, policy) { piece in
                switch piece {
                case .token(let token): ids.append(token.id)
                case .text(let range):
                    encode(UnsafeBufferPointer(rebasing: text[range]), stage: 0, into: &ids)
                }
            }
        }
    }

    private func encode(
        _ text: UnsafeBufferPointer<UInt8>, stage: Int, into ids: inout [Int32]
    ) {
        guard stage < preTokenizers.count else { return model.encode(text, into: &ids) }
        preTokenizers[stage].forEachPiece(text) { encode($0, stage: stage + 1, into: &ids) }
    }

    /// The text of some ids.
    public func decode(_ ids: [Int32], skippingSpecials: Bool) -> String {
        var bytes = [UInt8]()
        for id in ids where !(skippingSpecials && isSpecial(id)) {
            bytes.append(contentsOf: self.bytes(of: id))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes of a token; none for an id without one.
    public func bytes(of id: Int32) -> [UInt8] {
        if let index = addedByID[id] {
            var content = addedTokens[index].content
            return content.withUTF8 { ByteAlphabet.bytes(of: $0) }
        }
        return model.tokens.withBytes(of: id) { ByteAlphabet.bytes(of: $0) }
    }

    /// The id of a token that is written exactly so.
    public func id(ofSpecial token: String) -> Int32? {
        let bytes = Array(token.utf8)
        return addedByContent[bytes].map { addedTokens[$0].id } ?? model.tokens.id(of: bytes)
    }

    /// How a token is written in the vocabulary; `nil` for an id without one.
    public func written(_ id: Int32) -> String? {
        if let index = addedByID[id] { return addedTokens[index].content }
        guard model.tokens.contains(id) else { return nil }
        return model.tokens.withBytes(of: id) { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the token is a control token.
    public func isSpecial(_ id: Int32) -> Bool {
        addedByID[id].map { addedTokens[$0].isSpecial } ?? false
    }

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

    /// Adds an entry of a file; the caller has seen that it is new.
    mutating func append(_ token: AddedToken) {
        addedTokens.append(token)
        indexAddedTokens()
    }

    /// Makes a token a control token, adding it to the vocabulary when it is missing.
    ///
    /// - Returns: Whether the vocabulary grew; the model's embedding then needs a new row.
    @discardableResult
    public mutating func addSpecial(_ content: String) -> Bool {
        if let index = addedByContent[Array(content.utf8)] {
            if !addedTokens[index].isSpecial {
                addedTokens[index].isSpecial = true
                indexAddedTokens()
            }
            return false
        }
        let known = model.tokens.id(of: Array(content.utf8))
        // The first free id: after the vocabulary and after all added tokens.
        let last = addedTokens.map(\.id).max() ?? -1
        let id = known ?? max(Int32(model.tokens.count), last + 1)
        addedTokens.append(AddedToken(content, id: id))
        indexAddedTokens()
        return known == nil
    }
}
