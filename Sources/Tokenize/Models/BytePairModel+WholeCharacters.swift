extension BytePairModel {
    /// For each character of two or three bytes that is a token: the token, and next to what its bytes
    /// are certain to become it.
    ///
    /// They are when no merge that joins a part of the character with something outside ranks before
    /// the character's own merges: the lowest rank is merged first, so nothing comes between.
    static func wholeCharacters(
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
}
