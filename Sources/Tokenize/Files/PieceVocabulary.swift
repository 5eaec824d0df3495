internal import FledgeCore

/// The pieces of a SentencePiece model, from its own file or from GGUF metadata.
struct PieceVocabulary {
    /// What a piece is for, with the numbers of the format.
    enum Kind: Int {
        case normal = 1
        case unknown, control, userDefined, unused, byte
    }

    var pieces: [(bytes: [UInt8], score: Float, kind: Kind)] = []
    var isUnigram = false
    var normalizer = SentencePieceNormalizer()
    /// The bytes of the table of characters, for saving.
    var characterMap: [UInt8] = []
    var beginOfText, endOfText, padding: Int?
    /// Where spaces stand before texts; nil for what the vocabulary's own file says: before every text
    /// between control tokens.
    var prefix: PreTokenizer.PrependScheme?
    let file: String

    init(file: String) { self.file = file }

    /// The tokenizer.
    ///
    /// - Parameter findsUserDefined: Whether user-defined pieces are found in the text before
    ///   everything else (as in llama.cpp), instead of by the model.
    func tokenizer(findsUserDefined: Bool) throws -> TextTokenizer {
        let vocabulary = Vocabulary(isByteLevel: false, capacity: pieces.count)
        var (normal, searched, frozen) = ([Int32](), [Int32](), [Int32]())
        var added = [AddedToken]()
        var listed = [AddedToken]()
        var unknown: Int32?
        for (index, piece) in pieces.enumerated() {
            guard let id = TokenTable.checked(index), vocabulary.insert(piece.bytes, id: id) else {
                throw corrupt("the piece of id \(index) occurs twice or is out of range", file)
            }
            let text = String(decoding: piece.bytes, as: UTF8.self)
            switch piece.kind {
            case .normal:
                normal.append(id)
                searched.append(id)
            case .unused: break
            case .userDefined:
                searched.append(id)
                let token = AddedToken(text, id: id, isSpecial: false)
                if findsUserDefined {
                    added.append(token)
                } else {
                    frozen.append(id)
                    listed.append(token)
                }
            case .control: added.append(AddedToken(text, id: id))
            case .unknown:
                unknown = unknown ?? id
                added.append(AddedToken(text, id: id))
            case .byte: break
            }
        }
        let fallsBack = pieces.contains { $0.kind == .byte }
        let model: TokenModel
        if isUnigram {
            model = .unigram(
                UnigramModel(
                    vocabulary: vocabulary, scores: pieces.map { Double($0.score) },
                    unknown: unknown, fallsBackToBytes: fallsBack, arithmetic: .sentencePiece,
                    searched: searched, normal: normal, userDefined: Set(frozen)))
        } else {
            var options = BytePairModel.Options()
            options.unknown = unknown
            options.fusesUnknown = true
            options.fallsBackToBytes = fallsBack
            options.frozen = frozen
            model = .bytePair(bytePairs(vocabulary, searched, options))
        }
        var normalizer = normalizer
        normalizer.symbols = ByteTrie(frozen.map { (vocabulary.tokens.bytes(of: $0), $0) })
        var preTokenizers = [PreTokenizer]()
        var files = TokenizerFiles()
        if let prefix, normalizer.addsDummyPrefix {
            normalizer.addsDummyPrefix = false
            if prefix != .never {
                let mark = SentencePieceNormalizer.mark
                preTokenizers.append(.metaspace(mark: mark, prefix, splits: false))
                files.preTokenizer = [
                    "type": "Metaspace",
                    "replacement": .string(String(decoding: mark, as: UTF8.self)),
                    "prepend_scheme": .string(prefix.rawValue), "split": false,
                ]
            }
        }
        if case .bytePair(let pairs) = model, let borders = WordBorders(of: pairs) {
            preTokenizers.append(.words(borders))
        }
        files.listedTokens = listed
        files.normalizer = StageValues.sentencePiece(normalizer, map: characterMap)
        files.decoder = StageValues.sentencePieceDecoder(
            dropsFirstSpace: normalizer.addsDummyPrefix || prefix == .first)
        var result = TextTokenizer(
            model: model, normalizer: .sentencePiece(normalizer), preTokenizers: preTokenizers,
            decoder: try StageReader(file: file).decoder(files.decoder), addedTokens: added)
        result.files = files
        func id(_ value: Int?) -> Int32? {
            value.flatMap(TokenTable.checked).flatMap { vocabulary.contains($0) ? $0 : nil }
        }
        result.beginOfText = id(beginOfText)
        result.endOfText = id(endOfText)
        result.padding = id(padding)
        result.unknown = unknown
        return result
    }

    /// All pairs of pieces that make a piece, by the score of what they make.
    private func bytePairs(
        _ vocabulary: Vocabulary, _ searched: [Int32], _ options: BytePairModel.Options
    ) -> BytePairModel {
        var ranks = [Float: Int32]()
        for score in Set(searched.map { pieces[Int($0)].score }).sorted(by: >) {
            ranks[score] = Int32(ranks.count)
        }
        var isSearched = [Bool](repeating: false, count: pieces.count)
        for id in searched { isSearched[Int(id)] = true }
        var virtual = [UInt32]()
        var virtualSymbols = [UInt32: Int32]()
        func symbol(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
            if let id = vocabulary.tokens.id(of: bytes), isSearched[Int(id)] { return id }
            guard bytes.count == UTF8Text.length(bytes[0]) else { return nil }
            let value = UTF8Text.decode(bytes, at: 0).value
            if let known = virtualSymbols[value] { return known }
            let new = BytePairModel.virtualSymbol(virtual.count)
            virtual.append(value)
            virtualSymbols[value] = new
            return new
        }
        var merges = [MergeTable.Pair]()
        for id in searched {
            vocabulary.tokens.withBytes(of: id) { bytes in
                guard let rank = ranks[pieces[Int(id)].score] else { return }
                var split = bytes.isEmpty ? 0 : UTF8Text.length(bytes[0])
                while split < bytes.count {
                    if let left = symbol(UnsafeBufferPointer(rebasing: bytes[..<split])),
                        let right = symbol(UnsafeBufferPointer(rebasing: bytes[split...]))
                    {
                        merges.append(
                            MergeTable.Pair(left: left, right: right, rank: rank, both: id))
                    }
                    split += UTF8Text.length(bytes[split])
                }
            }
        }
        return BytePairModel(
            vocabulary: vocabulary, merges: MergeTable(merges), options: options,
            virtualCharacters: virtual)
    }
}
