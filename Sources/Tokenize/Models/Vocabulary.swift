/// The tokens of a model: how they are written, and what bytes they stand for.
final class Vocabulary: Sendable {
    /// Whether tokens are written in GPT-2's alphabet; then they are kept as the bytes they stand for.
    let isByteLevel: Bool
    let tokens: TokenTable
    /// Of a byte-level vocabulary the tokens with characters from outside the alphabet.
    private let others = TokenTable(capacity: 0)

    init(isByteLevel: Bool, capacity: Int) {
        self.isByteLevel = isByteLevel
        tokens = TokenTable(capacity: capacity)
    }

    /// Number of tokens.
    var count: Int { tokens.count + others.count }

    /// One more than the largest id.
    var endID: Int { max(tokens.endID, others.endID) }

    func contains(_ id: Int32) -> Bool { tokens.contains(id) || others.contains(id) }

    /// Adds a token by its written form; false when the token or the id is there already.
    func insert(_ written: UnsafeBufferPointer<UInt8>, id: Int32) -> Bool {
        guard isByteLevel else { return tokens.insert(written, id: id) }
        guard !contains(id) else { return false }
        return ByteAlphabet.withBytes(of: written) { bytes in
            if let bytes { tokens.insert(bytes, id: id) } else { others.insert(written, id: id) }
        }
    }

    func insert(_ written: [UInt8], id: Int32) -> Bool {
        written.withUnsafeBufferPointer { insert($0, id: id) }
    }

    /// Adds a token of a byte-level vocabulary by its bytes.
    func insert(bytes: UnsafeBufferPointer<UInt8>, id: Int32) -> Bool {
        tokens.insert(bytes, id: id)
    }

    /// The id of a token that is written so.
    func id(written: UnsafeBufferPointer<UInt8>) -> Int32? {
        guard isByteLevel else { return tokens.id(of: written) }
        return ByteAlphabet.withBytes(of: written) { bytes in
            bytes.map { tokens.id(of: $0) } ?? others.id(of: written)
        }
    }

    /// The id of a token that is written so; `guess` is probably it, or else the one after.
    func id(written: UnsafeBufferPointer<UInt8>, guess: Int32) -> Int32? {
        func find(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
            if tokens.contains(guess, as: bytes) { return guess }
            if tokens.contains(guess + 1, as: bytes) { return guess + 1 }
            return tokens.id(of: bytes)
        }
        guard isByteLevel else { return find(written) }
        return ByteAlphabet.withBytes(of: written) { bytes in
            bytes.map(find) ?? others.id(of: written)
        }
    }

    func id(written: [UInt8]) -> Int32? { written.withUnsafeBufferPointer { id(written: $0) } }

    /// How a token is written.
    func written(_ id: Int32) -> [UInt8] {
        if others.contains(id) { return others.bytes(of: id) }
        return isByteLevel
            ? tokens.withBytes(of: id) { ByteAlphabet.written($0) } : tokens.bytes(of: id)
    }

    /// The text of a token's written form.
    func text(_ id: Int32) -> String { String(decoding: written(id), as: UTF8.self) }
}
