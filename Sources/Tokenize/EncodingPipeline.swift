/// The stages of a tokenizer from a text to ids, shared by all threads that encode.
final class EncodingPipeline: Sendable {
    let model: TokenModel
    let normalizer: Normalizer
    let preTokenizers: [PreTokenizer]
    /// Finds added tokens in the text itself.
    let rawMatcher: AddedTokenMatcher
    /// Finds added tokens in the normalised text.
    let normalizedMatcher: AddedTokenMatcher
    private let pool: ScratchPool
    private let changesText: Bool

    /// Stages without added tokens.
    init(_ model: TokenModel, _ normalizer: Normalizer, _ preTokenizers: [PreTokenizer]) {
        self.model = model
        self.normalizer = normalizer
        self.preTokenizers = preTokenizers
        rawMatcher = AddedTokenMatcher([])
        normalizedMatcher = AddedTokenMatcher([])
        pool = ScratchPool()
        changesText = !normalizer.isEmpty
    }

    /// The same stages with added tokens; what was remembered of words stays.
    init(_ other: EncodingPipeline, finding addedTokens: [AddedToken]) {
        (model, normalizer, preTokenizers) = (other.model, other.normalizer, other.preTokenizers)
        rawMatcher = AddedTokenMatcher(addedTokens.filter { !$0.isNormalized })
        normalizedMatcher = AddedTokenMatcher(addedTokens.filter(\.isNormalized)) { token in
            var bytes = Array(token.content.utf8)
            other.normalizer.apply(to: &bytes)
            return bytes
        }
        (pool, changesText) = (other.pool, other.changesText)
    }

    /// The ids of a text.
    func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, _ specials: SpecialTokenPolicy
    ) -> [Int32] {
        let scratch = pool.take()
        defer { pool.giveBack(scratch) }
        var ids = [Int32]()
        ids.reserveCapacity(bytes.count / 3 + 4)
        rawMatcher.forEachPiece(bytes, specials) { piece in
            switch piece {
            case .token(let id): ids.append(id)
            case .text(let range):
                encode(
                    UnsafeBufferPointer(rebasing: bytes[range]), specials, range.lowerBound,
                    scratch, &ids)
            }
        }
        return ids
    }

    /// Encodes a stretch without tokens of the first kind.
    private func encode(
        _ part: UnsafeBufferPointer<UInt8>, _ specials: SpecialTokenPolicy, _ offset: Int,
        _ scratch: EncodingScratch, _ ids: inout [Int32]
    ) {
        guard changesText else {
            return encode(normalized: part, specials, offset, scratch, &ids)
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
            encode(normalized: $0, policy, offset, scratch, &ids)
        }
        scratch.normalized = text
    }

    private func encode(
        normalized text: UnsafeBufferPointer<UInt8>, _ specials: SpecialTokenPolicy, _ offset: Int,
        _ scratch: EncodingScratch, _ ids: inout [Int32]
    ) {
        guard !normalizedMatcher.isEmpty else { return cut(text, offset == 0, scratch, &ids) }
        var policy = specials
        if case .parseWithin(let ranges) = specials {
            policy = .parseWithin(
                ranges.map { max($0.lowerBound - offset, 0)..<max($0.upperBound - offset, 0) })
        }
        normalizedMatcher.forEachPiece(text, policy) { piece in
            switch piece {
            case .token(let id): ids.append(id)
            case .text(let range):
                cut(
                    UnsafeBufferPointer(rebasing: text[range]),
                    offset == 0 && range.lowerBound == 0, scratch, &ids)
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
