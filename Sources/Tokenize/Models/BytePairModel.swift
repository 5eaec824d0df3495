/// Byte-pair encoding: a word's bytes or characters become symbols, and pairs of symbols are merged
/// by rank.
final class BytePairModel: Sendable {
    /// What differs between files of this kind.
    struct Options: Sendable {
        /// The token of what has none; without one such parts vanish.
        var unknown: Int32?
        /// Whether neighbouring unknown parts become one token.
        var fusesUnknown = false
        /// Whether a character without a token becomes the tokens of its bytes.
        var fallsBackToBytes = false
        /// Whether a word that is a token is taken whole.
        var ignoresMerges = false
        /// What is written before tokens that continue a word.
        var continuingPrefix: [UInt8] = []
        /// What is written at the end of the last token of a word.
        var wordSuffix: [UInt8] = []
        /// Tokens that no text becomes.
        var controls: Set<Int32> = []
        /// Symbols that are found before all merges and take no part in them.
        var frozen: [Int32] = []
    }

    let vocabulary: Vocabulary
    let merges: MergeTable
    let options: Options
    /// The symbols of characters that are part of tokens without being one; from this number on.
    static let virtualStart: Int32 = 1 << 23
    static let frozenStart: Int32 = 1 << 24
    let virtualCharacters: [UInt32]
    /// The token of each byte; -1 where there is none.
    let byteSymbols: [Int32]
    /// The merges of two bytes, which byte-level words begin with.
    let bytePairs: [MergeTable.Merge]
    /// The symbols of characters below U+10000; -1 where there is none.
    let characterSymbols: [Int32]
    let astralSymbols: [UInt32: Int32]
    let frozen: ByteTrie
    /// Of byte-level vocabularies the tokens of whole characters, where the character's bytes merge to
    /// it before anything else can happen to them; bits above the id say next to what they do.
    let wholeCharacters: [Int32]

    /// Creates a model.
    ///
    /// - Parameter virtualCharacters: Characters that merges name by ``virtualSymbol(_:)``.
    init(
        vocabulary: Vocabulary, merges: MergeTable, options: Options,
        virtualCharacters: [UInt32] = []
    ) {
        self.vocabulary = vocabulary
        self.merges = merges
        self.options = options
        self.virtualCharacters = virtualCharacters
        frozen = ByteTrie(options.frozen.map { (vocabulary.tokens.bytes(of: $0), $0) })
        if vocabulary.isByteLevel {
            let symbols = (0..<256).map { vocabulary.tokens.id(of: [UInt8($0)]) ?? -1 }
            byteSymbols = symbols
            bytePairs = (0..<65536).map { merges.merge(symbols[$0 >> 8], symbols[$0 & 255]) }
            (characterSymbols, astralSymbols) = ([], [:])
            wholeCharacters = BytePairModel.wholeCharacters(vocabulary, merges, symbols)
            return
        }
        byteSymbols = (0..<256).map { vocabulary.id(written: byteToken(UInt8($0))) ?? -1 }
        (bytePairs, wholeCharacters) = ([], [])
        var low = [Int32](repeating: -1, count: 0x10000)
        var high = [UInt32: Int32]()
        func set(_ value: UInt32, _ symbol: Int32) {
            if value < 0x10000 { low[Int(value)] = symbol } else { high[value] = symbol }
        }
        for id in 0..<Int32(vocabulary.endID) {
            vocabulary.tokens.withBytes(of: id) { bytes in
                guard let first = bytes.first, bytes.count == UTF8Text.length(first) else { return }
                set(UTF8Text.decode(bytes, at: 0).value, id)
            }
        }
        for (index, value) in virtualCharacters.enumerated() {
            set(value, BytePairModel.virtualSymbol(index))
        }
        (characterSymbols, astralSymbols) = (low, high)
    }

    /// The symbol of a character that has no token, by its place in the list.
    static func virtualSymbol(_ index: Int) -> Int32 { virtualStart + Int32(index) }

    /// Appends the ids of a word, which is not empty.
    func encode(
        _ word: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch, into ids: inout [Int32]
    ) {
        if options.ignoresMerges, let id = vocabulary.tokens.id(of: word),
            !options.controls.contains(id)
        {
            ids.append(id)
            return
        }
        scratch.reserve(word.count + 1)
        var count = 0
        if vocabulary.isByteLevel {
            let symbols = scratch.symbols
            let isComplete = fill(symbols, &count, wholeCharactersOf: word)
            if !isComplete {
                count = 0
                fill(symbols, &count, bytesOf: word)
            }
            if count == word.count, isComplete, count <= BytePairModel.shortLength {
                bytePairs.withUnsafeBufferPointer { bytePairs in
                    for index in 0..<count - 1 {
                        scratch.merges[index] =
                            bytePairs[Int(word[index]) << 8 | Int(word[index + 1])]
                    }
                }
                mergeShort(symbols, scratch.merges, &count)
                ids.append(contentsOf: UnsafeBufferPointer(start: symbols, count: count))
                return
            }
        } else if options.continuingPrefix.isEmpty, options.wordSuffix.isEmpty {
            fill(scratch, &count, charactersOf: word)
        } else {
            fill(scratch, &count, affixedCharactersOf: word)
        }
        guard count > 0 else { return }
        // Filling may have moved the memory.
        let symbols = scratch.symbols
        if count <= BytePairModel.shortLength {
            for index in 0..<count - 1 {
                scratch.merges[index] = merges.merge(symbols[index], symbols[index + 1])
            }
            mergeShort(symbols, scratch.merges, &count)
        } else {
            mergeLong(scratch, &count)
        }
        append(UnsafeBufferPointer(start: symbols, count: count), to: &ids)
    }

    /// Appends the ids of symbols.
    func append(_ symbols: UnsafeBufferPointer<Int32>, to ids: inout [Int32]) {
        var lastIsUnknown = false
        for symbol in symbols {
            guard symbol >= BytePairModel.virtualStart else {
                ids.append(symbol)
                lastIsUnknown = false
                continue
            }
            if symbol >= BytePairModel.frozenStart {
                ids.append(symbol - BytePairModel.frozenStart)
                lastIsUnknown = false
                continue
            }
            var bytes = [UInt8]()
            UTF8Text.append(
                virtualCharacters[Int(symbol - BytePairModel.virtualStart)], to: &bytes)
            if options.fallsBackToBytes {
                for byte in bytes where byteSymbols[Int(byte)] >= 0 {
                    ids.append(byteSymbols[Int(byte)])
                }
                lastIsUnknown = false
            } else if let unknown = options.unknown {
                if !(lastIsUnknown && options.fusesUnknown) { ids.append(unknown) }
                lastIsUnknown = true
            }
        }
    }

    /// Words of more symbols take a queue.
    static let shortLength = 96
}
