/// WordPiece: always the longest token that the rest of a word begins with.
struct WordPieceModel: Sendable {
    let vocabulary: Vocabulary
    let unknown: Int32?
    /// Tokens that no text becomes.
    var controls: Set<Int32> = []
    /// What is written before tokens that continue a word.
    let continuingPrefix: [UInt8]
    /// Longer words, in characters, are unknown.
    let maximumWordLength: Int

    /// Appends the ids of a word; a word with an unknown part is unknown as a whole.
    func encode(_ word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
        let first = ids.count
        let characters = word.count { $0 & 0xC0 != 0x80 }
        var start = 0
        var part = continuingPrefix
        while characters <= maximumWordLength, start < word.count {
            part.removeLast(part.count - continuingPrefix.count)
            part.append(contentsOf: word[start...])
            let skipped = start == 0 ? continuingPrefix.count : 0
            var end = part.count
            var found: Int32?
            part.withUnsafeBufferPointer { part in
                while end > continuingPrefix.count {
                    found = vocabulary.tokens.id(
                        of: UnsafeBufferPointer(rebasing: part[skipped..<end]))
                    if let id = found {
                        if !controls.contains(id) { return }
                        found = nil
                    }
                    end = UTF8Text.previous(part, before: end)
                }
            }
            guard let found else { break }
            ids.append(found)
            start += end - continuingPrefix.count
        }
        if start < word.count {
            ids.removeLast(ids.count - first)
            if let unknown { ids.append(unknown) }
        }
    }
}
