/// The part of a tokenizer that turns words into ids.
enum TokenModel: Sendable {
    case bytePair(BytePairModel)
    case unigram(UnigramModel)
    case wordPiece(WordPieceModel)
    case wordLevel(WordLevelModel)

    /// The tokens.
    var vocabulary: Vocabulary {
        switch self {
        case .bytePair(let model): model.vocabulary
        case .unigram(let model): model.vocabulary
        case .wordPiece(let model): model.vocabulary
        case .wordLevel(let model): model.vocabulary
        }
    }

    /// The token of what has none.
    var unknown: Int32? {
        switch self {
        case .bytePair(let model): model.options.unknown
        case .unigram(let model): model.unknown
        case .wordPiece(let model): model.unknown
        case .wordLevel(let model): model.unknown
        }
    }

    /// Appends the ids of a word, which is not empty.
    @inline(__always)
    func encode(
        _ word: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch, into ids: inout [Int32]
    ) {
        let remembers = word.count <= WordCache.maximumWordLength
        let hash = remembers ? ByteHash.hash(word) : 0
        if remembers, scratch.cache.append(word, hash: hash, to: &ids) { return }
        let start = ids.count
        switch self {
        case .bytePair(let model): model.encode(word, scratch, into: &ids)
        case .unigram(let model): model.encode(word, scratch, into: &ids)
        case .wordPiece(let model): model.encode(word, into: &ids)
        case .wordLevel(let model): model.encode(word, into: &ids)
        }
        if remembers {
            ids.withUnsafeBufferPointer {
                scratch.cache.insert(word, hash: hash, UnsafeBufferPointer(rebasing: $0[start...]))
            }
        }
    }
}

/// A vocabulary of whole words.
struct WordLevelModel: Sendable {
    let vocabulary: Vocabulary
    let unknown: Int32?
    /// Tokens that no text becomes.
    var controls: Set<Int32> = []

    /// Words that are not known are left out where there is no unknown token.
    func encode(_ word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
        let known = vocabulary.tokens.id(of: word).flatMap { controls.contains($0) ? nil : $0 }
        if let id = known ?? unknown { ids.append(id) }
    }
}
