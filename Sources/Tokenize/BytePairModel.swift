/// The vocabulary and merges of a byte-level byte-pair tokenizer: a word's bytes become ids.
final class BytePairModel: Sendable {
    let tokens: TokenTable
    let merges: MergeTable
    let unknown: Int32?
    let fusesUnknown: Bool
    let ignoresMerges: Bool
    /// The token of each single byte; -1 where the vocabulary has none.
    private let byteTokens: [Int32]
    private let cache = WordCache()

    init(
        tokens: TokenTable, merges: MergeTable, unknown: Int32? = nil, fusesUnknown: Bool = false,
        ignoresMerges: Bool = false
    ) {
        self.tokens = tokens
        self.merges = merges
        self.unknown = unknown
        self.fusesUnknown = fusesUnknown
        self.ignoresMerges = ignoresMerges
        byteTokens = (UInt8(0)...255).map { tokens.id(of: ByteAlphabet.written([$0])) ?? -1 }
    }

    /// Appends the ids of a word.
    func encode(_ word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
        if word.isEmpty || cache.append(word, to: &ids) { return }
        let start = ids.count
        if ignoresMerges, let id = tokens.id(of: ByteAlphabet.written(word)) {
            ids.append(id)
        } else {
            appendBytes(word, to: &ids)
            if ids.count - start <= 128 {
                mergeShort(&ids, from: start)
            } else {
                mergeLong(&ids, from: start)
            }
        }
        cache.insert(word, ids[start...])
    }

    /// Bytes without a token become the unknown token, or vanish when there is none.
    private func appendBytes(_ word: UnsafeBufferPointer<UInt8>, to ids: inout [Int32]) {
        var lastWasUnknown = false
        for byte in word {
            let id = byteTokens[Int(byte)]
            if id >= 0 {
                ids.append(id)
                lastWasUnknown = false
            } else if let unknown {
                if !(lastWasUnknown && fusesUnknown) { ids.append(unknown) }
                lastWasUnknown = true
            }
        }
    }

    /// Merges the lowest rank, leftmost first, by looking at all pairs each time.
    private func mergeShort(_ ids: inout [Int32], from start: Int) {
        var count = ids.count - start
        guard count > 1 else { return }
        withUnsafeTemporaryAllocation(of: MergeTable.Merge.self, capacity: count) { pairs in
            let none = MergeTable.Merge(rank: Int32.max, id: -1)
            ids.withUnsafeMutableBufferPointer { buffer in
                let symbols = UnsafeMutableBufferPointer(rebasing: buffer[start...])
                for i in 0..<count - 1 {
                    pairs.initializeElement(
                        at: i, to: merges.merge(symbols[i], symbols[i + 1]) ?? none)
                }
                while count > 1 {
                    var best = 0
                    for i in 1..<max(count - 1, 1) where pairs[i].rank < pairs[best].rank {
                        best = i
                    }
                    guard pairs[best].rank != Int32.max else { break }
                    symbols[best] = pairs[best].id
                    count -= 1
                    for i in best + 1..<max(count, best + 1) { symbols[i] = symbols[i + 1] }
                    for i in best..<max(count - 1, best) { pairs[i] = pairs[i + 1] }
                    if best > 0 {
                        pairs[best - 1] = merges.merge(symbols[best - 1], symbols[best]) ?? none
                    }
                    if best < count - 1 {
                        pairs[best] = merges.merge(symbols[best], symbols[best + 1]) ?? none
                    }
                }
            }
        }
        ids.removeLast(ids.count - start - count)
    }

    /// The same result for words of any length, with a queue of the candidates.
    private func mergeLong(_ ids: inout [Int32], from start: Int) {
        let count = ids.count - start
        var symbols = Array(ids[start...])
        var next = (1...count).map { $0 < count ? $0 : -1 }
        var previous = Array(-1..<count - 1)
        var queue = MergeQueue()
        func offer(_ left: Int) {
            guard left >= 0, next[left] >= 0,
                let merge = merges.merge(symbols[left], symbols[next[left]])
            else { return }
            queue.push(MergeQueue.Candidate(rank: merge.rank, id: merge.id, position: left))
        }
        for i in 0..<count { offer(i) }
        while let candidate = queue.pop() {
            let left = candidate.position
            let right = next[left]
            // Stale when either side was merged meanwhile; then the pair no longer gives this id.
            guard symbols[left] >= 0, right >= 0,
                merges.merge(symbols[left], symbols[right])?.rank == candidate.rank
            else { continue }
            symbols[left] = candidate.id
            symbols[right] = -1
            next[left] = next[right]
            if next[right] >= 0 { previous[next[right]] = left }
            offer(previous[left])
            offer(left)
        }
        ids.removeLast(count)
        ids.append(contentsOf: symbols.lazy.filter { $0 >= 0 })
    }
}

/// A heap of possible merges: lowest rank first, then the leftmost.
private struct MergeQueue {
    struct Candidate {
        var rank: Int32
        var id: Int32
        var position: Int

        static func < (a: Candidate, b: Candidate) -> Bool {
            a.rank != b.rank ? a.rank < b.rank : a.position < b.position
        }
    }

    private var heap: [Candidate] = []

    mutating func push(_ candidate: Candidate) {
        heap.append(candidate)
        var child = heap.count - 1
        while child > 0, heap[child] < heap[(child - 1) / 2] {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Candidate? {
        guard let top = heap.first else { return nil }
        let last = heap.removeLast()
        if heap.isEmpty { return top }
        heap[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child] < heap[smallest] {
                smallest = child
            }
            if smallest == parent { return top }
            heap.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
