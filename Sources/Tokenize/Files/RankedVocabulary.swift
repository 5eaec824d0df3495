internal import FledgeCore

/// The tokens of a byte-level vocabulary that states ranks instead of merges: two tokens merge when
/// their bytes together are one, and the lower rank comes first.
struct RankedVocabulary {
    /// The tokens' bytes by rank; an empty entry is a gap.
    var tokens: [[UInt8]] = []
    /// The id of rank 0.
    var firstID: Int32 = 0
    var specials: [AddedToken] = []
    var splits: [String] = []
    var dialect = Pattern.Dialect.oniguruma
    /// The normalizer, as `tokenizer.json` writes it.
    var normalizer = JSONValue.null
    let file: String

    init(file: String) { self.file = file }

    func tokenizer() throws -> TextTokenizer {
        let vocabulary = Vocabulary(isByteLevel: true, capacity: tokens.count)
        for (rank, token) in tokens.enumerated() where !token.isEmpty {
            let id = Int32(clamping: rank + Int(firstID))
            guard token.withUnsafeBufferPointer({ vocabulary.insert(bytes: $0, id: id) }) else {
                throw corrupt("the token of rank \(rank) occurs twice or is out of range", file)
            }
        }
        var options = BytePairModel.Options()
        options.ignoresMerges = true
        let model = BytePairModel(
            vocabulary: vocabulary, merges: MergeTable(merges(vocabulary)), options: options)
        var files = TokenizerFiles()
        files.normalizer = normalizer
        files.preTokenizer = StageValues.byteLevel(splits: splits)
        files.decoder = StageValues.byteLevelDecoder
        let reader = StageReader(file: file)
        var stages = try splits.map { split in
            PreTokenizer.split(
                .program(try reader.program(split, dialect)), .isolated, inverted: false)
        }
        stages.append(.byteLevel(addsPrefixSpace: false, pattern: nil, writesBytes: false))
        var result = TextTokenizer(
            model: .bytePair(model), normalizer: try reader.normalizer(normalizer),
            preTokenizers: stages, decoder: try reader.decoder(files.decoder),
            addedTokens: specials)
        result.files = files
        return result
    }

    private func merges(_ vocabulary: Vocabulary) -> [MergeTable.Pair] {
        var result = [MergeTable.Pair]()
        result.reserveCapacity(3 * tokens.count)
        // Both parts are tokens, so that of a long token only few splits come into question.
        let longest = tokens.lazy.map(\.count).max() ?? 0
        var isLength = [Bool](repeating: false, count: longest + 1)
        for token in tokens { isLength[token.count] = true }
        for (rank, token) in tokens.enumerated() where token.count > 1 {
            token.withUnsafeBufferPointer { token in
                for split in 1..<token.count
                where isLength[split] && isLength[token.count - split] {
                    guard
                        let left = vocabulary.tokens.id(
                            of: UnsafeBufferPointer(rebasing: token[..<split])),
                        let right = vocabulary.tokens.id(
                            of: UnsafeBufferPointer(rebasing: token[split...]))
                    else { continue }
                    result.append(
                        MergeTable.Pair(
                            left: left, right: right, rank: Int32(rank),
                            both: Int32(rank) + firstID))
                }
            }
        }
        return result
    }
}
