/// Remembers the ids of words, in bounded memory, for one thread.
///
/// A table of pairs of places by hash, whose words and ids lie in two runs; what falls on taken places
/// replaces the older one, and full runs start anew.
final class WordCache {
    private struct Slot {
        var hash: UInt64 = 0
        var word: UInt32 = 0
        /// The id of a word with one id, else the place of its ids.
        var id: Int32 = 0
        var wordCount: UInt16 = 0
        /// 0 for a free place.
        var idCount: UInt16 = 0
    }

    static let maximumWordLength = 128
    private static let slotCount = 1 << 16
    private static let wordCapacity = 1 << 21
    private static let idCapacity = 1 << 19

    private let slots = UnsafeMutablePointer<Slot>.allocate(capacity: slotCount)
    private let words = UnsafeMutablePointer<UInt8>.allocate(capacity: wordCapacity)
    private let ids = UnsafeMutablePointer<Int32>.allocate(capacity: idCapacity)
    private var wordEnd = 0
    private var idEnd = 0

    init() { slots.initialize(repeating: Slot(), count: WordCache.slotCount) }

    deinit {
        slots.deallocate()
        words.deallocate()
        ids.deallocate()
    }

    /// Appends the ids of a word if they are known.
    @inline(__always)
    func append(
        _ word: UnsafeBufferPointer<UInt8>, hash: UInt64, to result: inout [Int32]
    ) -> Bool {
        let place = Int(truncatingIfNeeded: hash) & (WordCache.slotCount - 2)
        var slot = slots[place]
        if slot.hash != hash {
            slot = slots[place + 1]
            guard slot.hash == hash else { return false }
        }
        guard slot.idCount > 0, Int(slot.wordCount) == word.count else { return false }
        let known = words + Int(slot.word)
        for index in 0..<word.count where known[index] != word[index] { return false }
        if slot.idCount == 1 {
            result.append(slot.id)
        } else {
            result.append(
                contentsOf: UnsafeBufferPointer(
                    start: ids + Int(slot.id), count: Int(slot.idCount)))
        }
        return true
    }

    /// Remembers a word of at most ``maximumWordLength`` bytes.
    func insert(
        _ word: UnsafeBufferPointer<UInt8>, hash: UInt64, _ found: UnsafeBufferPointer<Int32>
    ) {
        guard let bytes = word.baseAddress, let first = found.first, found.count <= 1024 else {
            return
        }
        if wordEnd + word.count > WordCache.wordCapacity
            || idEnd + found.count > WordCache.idCapacity
        {
            slots.update(repeating: Slot(), count: WordCache.slotCount)
            (wordEnd, idEnd) = (0, 0)
        }
        var slot = Slot(
            hash: hash, word: UInt32(wordEnd), id: first, wordCount: UInt16(word.count),
            idCount: UInt16(found.count))
        (words + wordEnd).update(from: bytes, count: word.count)
        wordEnd += word.count
        if found.count > 1, let start = found.baseAddress {
            slot.id = Int32(idEnd)
            (ids + idEnd).update(from: start, count: found.count)
            idEnd += found.count
        }
        // Of two places the newer word has the first; the older one moves to the second.
        let place = Int(truncatingIfNeeded: hash) & (WordCache.slotCount - 2)
        if slots[place].idCount > 0 { slots[place + 1] = slots[place] }
        slots[place] = slot
    }
}
