extension BytePairModel {
    /// Whole characters where they are certain, else bytes; false when a byte has no token.
    @inline(__always)
    func fill(
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
    static func neighbours(_ before: UInt8?, _ after: UInt8?) -> Int32 {
        var bits: Int32 = 0
        if let before { bits |= before < 0x80 ? 1 << 24 : 1 << 25 }
        if let after { bits |= after < 0x80 ? 1 << 26 : 1 << 27 }
        return bits
    }

    /// Bytes without a token become the unknown token, or vanish when there is none.
    func fill(
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

    func fill(
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
    func add(
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
    func flushUnknown(
        _ symbols: UnsafeMutablePointer<Int32>, _ count: inout Int, _ isPending: inout Bool
    ) {
        guard isPending, let unknown = options.unknown else { return }
        symbols[count] = unknown
        count += 1
        isPending = false
    }

    func fill(
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
}
