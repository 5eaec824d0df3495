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
    private static let virtualStart: Int32 = 1 << 23
    private static let frozenStart: Int32 = 1 << 24
    private let virtualCharacters: [UInt32]
    /// The token of each byte; -1 where there is none.
    private let byteSymbols: [Int32]
    /// The merges of two bytes, which byte-level words begin with.
    private let bytePairs: [MergeTable.Merge]
    /// The symbols of characters below U+10000; -1 where there is none.
    private let characterSymbols: [Int32]
    private let astralSymbols: [UInt32: Int32]
    private let frozen: ByteTrie
    /// Of byte-level vocabularies the tokens of whole characters, where the character's bytes merge to
    /// it before anything else can happen to them; bits above the id say next to what they do.
    private let wholeCharacters: [Int32]

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
    private func append(_ symbols: UnsafeBufferPointer<Int32>, to ids: inout [Int32]) {
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

extension BytePairModel {
    /// Whole characters where they are certain, else bytes; false when a byte has no token.
    @inline(__always)
    private func fill(
        _ symbols: UnsafeMutablePointer<Int32>, _ count: inout Int,
        wholeCharactersOf word: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        byteSymbols.withUnsafeBufferPointer { byteSymbols in
            wholeCharacters.withUnsafeBufferPointer { whole in
                var index = 0
                while index < word.count {
                    let byte = word[index]
                    if byte >= 0xC2, byte < 0xF0 {
                        let end = index + (byte < 0xE0 ? 2 : 3)
                        if end <= word.count, word[index + 1] & 0xC0 == 0x80,
                            word[end - 1] & 0xC0 == 0x80
                        {
                            let (value, _) = UTF8Text.decode(word, at: index)
                            let entry = whole[Int(value)]
                            let needed = BytePairModel.neighbours(
                                index > 0 ? word[index - 1] : nil,
                                end < word.count ? word[end] : nil)
                            if entry >= 0, entry & needed == needed {
                                symbols[count] = entry & 0x00FF_FFFF
                                count += 1
                                index = end
                                continue
                            }
                        }
                    }
                    let symbol = byteSymbols[Int(byte)]
                    guard symbol >= 0 else { return false }
                    symbols[count] = symbol
                    count += 1
                    index += 1
                }
                return true
            }
        }
    }

    /// The bits of an entry of whole characters that stand for the bytes beside the character.
    @inline(__always)
    private static func neighbours(_ before: UInt8?, _ after: UInt8?) -> Int32 {
        var bits: Int32 = 0
        if let before { bits |= before < 0x80 ? 1 << 24 : 1 << 25 }
        if let after { bits |= after < 0x80 ? 1 << 26 : 1 << 27 }
        return bits
    }

    /// For each character of two or three bytes that is a token: the token, and next to what its bytes
    /// are certain to become it.
    ///
    /// They are when no merge that joins a part of the character with something outside ranks before
    /// the character's own merges: the lowest rank is merged first, so nothing comes between.
    private static func wholeCharacters(
        _ vocabulary: Vocabulary, _ merges: MergeTable, _ byteSymbols: [Int32]
    ) -> [Int32] {
        var result = [Int32](repeating: -1, count: 0x10000)
        let count = vocabulary.endID
        var (first, last) = (
            [UInt8](repeating: 0, count: count), [UInt8](repeating: 0, count: count)
        )
        var characters = [Int32]()
        for id in 0..<Int32(count) {
            vocabulary.tokens.withBytes(of: id) { bytes in
                guard let byte = bytes.first else { return }
                first[Int(id)] = byte
                last[Int(id)] = bytes[bytes.count - 1]
                if byte >= 0xC2, byte < 0xF0, bytes.count == UTF8Text.length(byte),
                    bytes[1] & 0xC0 == 0x80, bytes[bytes.count - 1] & 0xC0 == 0x80
                {
                    characters.append(id)
                }
            }
        }
        // The lowest rank at which a symbol merges with something before or after it, which ends or
        // begins with an ASCII byte (even places) or another (odd ones).
        var before = [Int32](repeating: Int32.max, count: 2 * count)
        var after = before
        for pair in merges.pairs {
            let (left, right) = (Int(pair.left), Int(pair.right))
            let beforeRight = 2 * right + (last[left] < 0x80 ? 0 : 1)
            let afterLeft = 2 * left + (first[right] < 0x80 ? 0 : 1)
            before[beforeRight] = min(before[beforeRight], pair.rank)
            after[afterLeft] = min(after[afterLeft], pair.rank)
        }
        for id in characters {
            vocabulary.tokens.withBytes(of: id) { bytes in
                var parts = bytes.map { byteSymbols[Int($0)] }
                guard !parts.contains(-1) else { return }
                var limits = [Int32](repeating: Int32.max, count: 4)
                var highest: Int32 = 0
                while parts.count > 1 {
                    for odd in 0..<2 {
                        limits[odd] = min(limits[odd], before[2 * Int(parts[0]) + odd])
                        let end = 2 * Int(parts[parts.count - 1]) + odd
                        limits[2 + odd] = min(limits[2 + odd], after[end])
                    }
                    var best = (index: 0, merge: merges.merge(parts[0], parts[1]))
                    if parts.count == 3 {
                        let other = merges.merge(parts[1], parts[2])
                        if MergeTable.rank(other) < MergeTable.rank(best.merge) {
                            best = (1, other)
                        }
                    }
                    guard best.merge != MergeTable.none else { return }
                    highest = max(highest, Int32(truncatingIfNeeded: MergeTable.rank(best.merge)))
                    parts[best.index] = MergeTable.symbol(best.merge)
                    parts.remove(at: best.index + 1)
                }
                guard parts[0] == id else { return }
                var entry = id
                for bit in 0..<4 where limits[bit] > highest { entry |= 1 << Int32(24 + bit) }
                result[Int(UTF8Text.decode(bytes, at: 0).value)] = entry
            }
        }
        return result
    }

    /// Bytes without a token become the unknown token, or vanish when there is none.
    private func fill(
        _ symbols: UnsafeMutablePointer<Int32>, _ count: inout Int,
        bytesOf word: UnsafeBufferPointer<UInt8>
    ) {
        var lastWasUnknown = false
        byteSymbols.withUnsafeBufferPointer { byteSymbols in
            for byte in word {
                let symbol = byteSymbols[Int(byte)]
                if symbol >= 0 {
                    symbols[count] = symbol
                    count += 1
                    lastWasUnknown = false
                    continue
                }
                guard let unknown = options.unknown else { continue }
                if !(lastWasUnknown && options.fusesUnknown) {
                    symbols[count] = unknown
                    count += 1
                }
                lastWasUnknown = true
            }
        }
    }

    private func fill(
        _ scratch: EncodingScratch, _ count: inout Int,
        charactersOf word: UnsafeBufferPointer<UInt8>
    ) {
        let symbols = scratch.symbols
        var isPending = false
        var index = 0
        characterSymbols.withUnsafeBufferPointer { characterSymbols in
            while index < word.count {
                if !frozen.isEmpty, let (end, id) = frozen.longest(word, from: index) {
                    symbols[count] = id + BytePairModel.frozenStart
                    count += 1
                    index = end
                    continue
                }
                let (value, next) = UTF8Text.decode(word, at: index)
                let symbol =
                    value < 0x10000 ? characterSymbols[Int(value)] : astralSymbols[value] ?? -1
                add(
                    symbol, UnsafeBufferPointer(rebasing: word[index..<next]), symbols, &count,
                    &isPending)
                index = next
            }
        }
        flushUnknown(symbols, &count, &isPending)
    }

    /// The way of `tokenizers`: an unknown token waits until a known one comes, and the bytes of
    /// another character may overtake it.
    @inline(__always)
    private func add(
        _ symbol: Int32, _ character: UnsafeBufferPointer<UInt8>,
        _ symbols: UnsafeMutablePointer<Int32>, _ count: inout Int, _ isPending: inout Bool
    ) {
        if symbol >= 0 {
            flushUnknown(symbols, &count, &isPending)
            symbols[count] = symbol
            count += 1
            return
        }
        if options.fallsBackToBytes, character.allSatisfy({ byteSymbols[Int($0)] >= 0 }) {
            for byte in character {
                symbols[count] = byteSymbols[Int(byte)]
                count += 1
            }
            return
        }
        if !options.fusesUnknown { flushUnknown(symbols, &count, &isPending) }
        isPending = options.unknown != nil
    }

    @inline(__always)
    private func flushUnknown(
        _ symbols: UnsafeMutablePointer<Int32>, _ count: inout Int, _ isPending: inout Bool
    ) {
        guard isPending, let unknown = options.unknown else { return }
        symbols[count] = unknown
        count += 1
        isPending = false
    }

    private func fill(
        _ scratch: EncodingScratch, _ count: inout Int,
        affixedCharactersOf word: UnsafeBufferPointer<UInt8>
    ) {
        let extra = options.continuingPrefix.count + options.wordSuffix.count
        scratch.reserve(word.count * (1 + extra) + 1)
        var isPending = false
        var index = 0
        while index < word.count {
            let (_, next) = UTF8Text.decode(word, at: index)
            var written = index > 0 ? options.continuingPrefix : []
            written.append(contentsOf: word[index..<next])
            if next == word.count { written.append(contentsOf: options.wordSuffix) }
            written.withUnsafeBufferPointer {
                add(
                    vocabulary.tokens.id(of: $0) ?? -1, $0, scratch.symbols, &count, &isPending)
            }
            index = next
        }
        flushUnknown(scratch.symbols, &count, &isPending)
    }

    /// Merges the lowest rank, leftmost first, by looking at all pairs each time.
    @inline(__always)
    private func mergeShort(
        _ symbols: UnsafeMutablePointer<Int32>, _ pairs: UnsafeMutablePointer<UInt64>,
        _ count: inout Int
    ) {
        while count > 1 {
            var best = 0
            var lowest = MergeTable.rank(pairs[0])
            for index in 1..<max(count - 1, 1) {
                let rank = MergeTable.rank(pairs[index])
                if rank < lowest { (lowest, best) = (rank, index) }
            }
            let merge = pairs[best]
            guard merge != MergeTable.none else { return }
            symbols[best] = MergeTable.symbol(merge)
            count -= 1
            var index = best + 1
            while index < count {
                symbols[index] = symbols[index + 1]
                pairs[index - 1] = pairs[index]
                index += 1
            }
            if best > 0 { pairs[best - 1] = merges.merge(symbols[best - 1], symbols[best]) }
            if best < count - 1 { pairs[best] = merges.merge(symbols[best], symbols[best + 1]) }
        }
    }

    /// The same result for words of any length, with a queue of the candidates.
    private func mergeLong(_ scratch: EncodingScratch, _ count: inout Int) {
        let (symbols, pairs) = (scratch.symbols, scratch.merges)
        let (next, previous) = (scratch.links, scratch.links + count)
        scratch.heap.removeAll()
        for index in 0..<count {
            next[index] = Int32(index + 1)
            previous[index] = Int32(index - 1)
            pairs[index] =
                index < count - 1
                ? merges.merge(symbols[index], symbols[index + 1]) : MergeTable.none
            if pairs[index] != MergeTable.none {
                scratch.heap.append(MergeTable.rank(pairs[index]) << 32 | UInt64(index))
            }
        }
        scratch.heap.order()
        func offer(_ left: Int) {
            let right = Int(next[left])
            pairs[left] =
                right < count ? merges.merge(symbols[left], symbols[right]) : MergeTable.none
            if pairs[left] != MergeTable.none {
                scratch.heap.push(MergeTable.rank(pairs[left]) << 32 | UInt64(left))
            }
        }
        while let candidate = scratch.heap.pop() {
            let left = Int(candidate & 0xFFFF_FFFF)
            // Stale when either side was merged meanwhile.
            guard symbols[left] >= 0, MergeTable.rank(pairs[left]) == candidate >> 32,
                pairs[left] != MergeTable.none
            else { continue }
            let right = Int(next[left])
            symbols[left] = MergeTable.symbol(pairs[left])
            symbols[right] = -1
            pairs[right] = MergeTable.none
            next[left] = next[right]
            if Int(next[left]) < count { previous[Int(next[left])] = Int32(left) }
            if previous[left] >= 0 { offer(Int(previous[left])) }
            offer(left)
        }
        var kept = 0
        for index in 0..<count where symbols[index] >= 0 {
            symbols[kept] = symbols[index]
            kept += 1
        }
        count = kept
    }
}
