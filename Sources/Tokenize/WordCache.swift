import Synchronization

/// Remembers the ids of short words, for any number of threads and in bounded memory.
final class WordCache: Sendable {
    /// Up to 15 bytes and their number, in one key.
    private struct Word: Hashable {
        var low: UInt64 = 0
        var high: UInt64

        init(_ bytes: UnsafeBufferPointer<UInt8>) {
            high = UInt64(bytes.count) << 56
            for (index, byte) in bytes.enumerated() {
                if index < 8 {
                    low |= UInt64(byte) << UInt64(8 * index)
                } else {
                    high |= UInt64(byte) << UInt64(8 * (index - 8))
                }
            }
        }
    }

    /// A part of the words with a lock of its own, so that threads seldom wait.
    private final class Shard: Sendable {
        let words = Mutex<[Word: [Int32]]>([:])
    }

    static let maximumWordLength = 15
    private static let maximumShardCount = 8192
    private let shards = (0..<16).map { _ in Shard() }

    private func shard(_ word: Word) -> Shard {
        shards[Int(truncatingIfNeeded: ((word.low ^ word.high) &* 0x9E37_79B9_7F4A_7C15) >> 60)]
    }

    /// Appends the ids of a word if they are known.
    func append(_ word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) -> Bool {
        guard word.count <= WordCache.maximumWordLength else { return false }
        let word = Word(word)
        guard let found = shard(word).words.withLock({ $0[word] }) else { return false }
        ids.append(contentsOf: found)
        return true
    }

    /// Remembers a word; a full shard starts anew.
    func insert(_ word: UnsafeBufferPointer<UInt8>, _ ids: ArraySlice<Int32>) {
        guard word.count <= WordCache.maximumWordLength else { return }
        let word = Word(word)
        let ids = Array(ids)
        shard(word).words.withLock { words in
            if words.count >= WordCache.maximumShardCount { words.removeAll(keepingCapacity: true) }
            words[word] = ids
        }
    }
}
