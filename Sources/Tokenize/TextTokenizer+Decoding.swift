extension TextTokenizer {
    /// The text of some ids; invalid UTF-8 becomes U+FFFD.
    public func decode(_ ids: [Int32], skippingSpecials: Bool) -> String {
        if decoder.isByteLevel {
            var bytes = [UInt8]()
            bytes.reserveCapacity(4 * ids.count)
            for id in ids where !(skippingSpecials && isSpecial(id)) {
                append(bytesOf: id, to: &bytes)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        let tokens = ids.compactMap { id in
            skippingSpecials && isSpecial(id) ? nil : writtenBytes(id)
        }
        return String(decoding: decoder.decode(tokens), as: UTF8.self)
    }

    private func writtenBytes(_ id: Int32) -> [UInt8]? {
        if let token = added(id) { return Array(token.content.utf8) }
        return model.vocabulary.contains(id) ? model.vocabulary.written(id) : nil
    }

    /// Appends what a token of a byte-level vocabulary stands for.
    private func append(bytesOf id: Int32, to bytes: inout [UInt8]) {
        if added(id) == nil, model.vocabulary.isByteLevel, model.vocabulary.tokens.contains(id) {
            model.vocabulary.tokens.withBytes(of: id) { bytes.append(contentsOf: $0) }
        } else if let written = writtenBytes(id) {
            bytes.append(contentsOf: ByteAlphabet.bytes(of: written))
        }
    }

    /// The bytes that a token stands for inside a text; none for an id without a token.
    public func bytes(of id: Int32) -> [UInt8] {
        if decoder.isByteLevel {
            var bytes = [UInt8]()
            append(bytesOf: id, to: &bytes)
            return bytes
        }
        guard let written = writtenBytes(id) else { return [] }
        if isByteToken(id), let byte = TokenDecoder.byte(of: written) { return [byte] }
        // What it adds behind another token; at the start of a text some decoders drop a space.
        return Array(decoder.decode([written, written]).dropFirst(decoder.decode([written]).count))
    }

    /// Whether the text of some ids is the text of each, one after another.
    public var decodesEachTokenAlone: Bool { decoder.isByteLevel }

    /// Whether a token stands for a single byte, so that what follows decides about its text.
    public func isByteToken(_ id: Int32) -> Bool {
        decoder.fallsBackToBytes && writtenBytes(id).flatMap(TokenDecoder.byte) != nil
    }
}
