/// Finds which of many byte strings a text goes on with.
///
/// Nodes are numbered by levels; the children of a node lie beside each other, sorted by their bytes.
struct ByteTrie: Hashable, Sendable {
    /// For each node, where its children begin; they end where those of the next node begin.
    private var firstChild: [Int32] = []
    private var labels: [UInt8] = []
    /// The value of the string that ends at a node; -1 where none ends.
    private var values: [Int32] = []
    /// The nodes of first bytes; 0 for bytes that begin nothing.
    private var roots: [Int32] = Array(repeating: 0, count: 256)

    /// Makes a trie of strings and their values; of equal strings the last one counts.
    init(_ entries: [(bytes: [UInt8], value: Int32)]) {
        let order = entries.indices.filter { !entries[$0].bytes.isEmpty }.sorted { a, b in
            entries[a].bytes == entries[b].bytes
                ? a < b : entries[a].bytes.lexicographicallyPrecedes(entries[b].bytes)
        }
        // The ranges of strings that share a node's prefix, level by level.
        var level: [(Range<Int>, depth: Int)] = [(0..<order.count, 0)]
        labels.append(0)
        values.append(-1)
        var next = 0
        while next < level.count {
            let (range, depth) = level[next]
            firstChild.append(Int32(labels.count))
            next += 1
            var index = range.lowerBound
            while index < range.upperBound {
                let bytes = entries[order[index]].bytes
                if bytes.count == depth {
                    values[next - 1] = entries[order[index]].value
                    index += 1
                    continue
                }
                let label = bytes[depth]
                var end = index + 1
                while end < range.upperBound, entries[order[end]].bytes[depth] == label { end += 1 }
                if depth == 0 { roots[Int(label)] = Int32(labels.count) }
                labels.append(label)
                values.append(-1)
                level.append((index..<end, depth + 1))
                index = end
            }
        }
        firstChild.append(Int32(labels.count))
    }

    /// Whether there is nothing to find.
    var isEmpty: Bool { labels.count == 1 }

    /// Whether something begins with a byte.
    @inline(__always)
    func begins(with byte: UInt8) -> Bool { roots[Int(byte)] != 0 }

    /// Calls with the end and the value of each string that the text goes on with, shortest first.
    @inline(__always)
    func forEachPrefix(
        _ text: UnsafeBufferPointer<UInt8>, from start: Int, _ body: (Int, Int32) -> Void
    ) {
        guard start < text.count else { return }
        var node = Int(roots[Int(text[start])])
        var index = start + 1
        while node != 0 {
            if values[node] >= 0 { body(index, values[node]) }
            guard index < text.count else { return }
            node = child(of: node, text[index])
            index += 1
        }
    }

    /// The end and the value of the longest string that the text goes on with.
    func longest(
        _ text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> (end: Int, value: Int32)? {
        var found: (Int, Int32)?
        forEachPrefix(text, from: start) { found = ($0, $1) }
        return found
    }

    @inline(__always)
    private func child(of node: Int, _ label: UInt8) -> Int {
        var (low, high) = (Int(firstChild[node]), Int(firstChild[node + 1]))
        while high - low > 4 {
            let middle = (low + high) >> 1
            if labels[middle] <= label { low = middle } else { high = middle }
        }
        while low < high {
            if labels[low] == label { return low }
            low += 1
        }
        return 0
    }
}
