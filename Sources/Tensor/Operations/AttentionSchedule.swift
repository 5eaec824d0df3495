package import FledgeCore
import FledgeKernels

/// Which blocks of queries meet which blocks of keys in the backward pass, and in what order.
///
/// A pair adds to the gradients of its queries and of its keys. So the pairs of a block take turns,
/// in the order of the run on both sides; pairs that share no block go on at the same time. The
/// order of every sum follows from the layout alone, and no thread needs sums of its own.
package struct AttentionSchedule {
    /// A pair and how many pairs have to be done before it with its keys and with its queries.
    package struct Entry {
        var pair: fledge_attention_pair
        package var keys: (block: Int, turn: Int)
        package var queries: (block: Int, turn: Int)
        /// No entry of the same wave shares a block.
        var wave: Int
    }

    /// Tokens of a block: two tiles, so that each packed tile serves twice.
    static let blockLength = 128

    /// The pairs, earlier waves first.
    package let entries: [Entry]
    /// Number of blocks that the run is divided into.
    package let blockCount: Int

    /// - Parameter window: How many of the tokens up to a query it sees; nil for all.
    package init(_ layout: SequenceLayout, window: Int? = nil) {
        // `place` is where the block begins in its sequence, which positions need not say.
        var blocks: [(place: Int, range: Range<Int>)] = []
        var blocksOfSegment: [Range<Int>] = []
        var ends: [Int] = []
        for segment in layout.segments {
            let first = blocks.count
            let above = segment.parent.map { ends[$0] } ?? 0
            ends.append(above + segment.length)
            for start in stride(
                from: segment.start, to: segment.range.upperBound, by: Self.blockLength)
            {
                let end = min(start + Self.blockLength, segment.range.upperBound)
                blocks.append((above + start - segment.start, start..<end))
            }
            blocksOfSegment.append(first..<blocks.count)
        }
        var entries: [Entry] = []
        var queryTurns = [Int](repeating: 0, count: blocks.count)
        var (keyTurns, queryWave) = (queryTurns, queryTurns)
        var keyWave = queryWave
        for index in layout.segments.indices {
            let above = layout.path(to: index).flatMap { blocksOfSegment[$0] }
            for query in blocksOfSegment[index] {
                for key in above where key <= query {
                    let (keys, queries) = (blocks[key].range, blocks[query].range)
                    let distance = blocks[query].place - blocks[key].place
                    if let window, distance - (keys.count - 1) >= window { continue }
                    let wave = max(keyWave[key], queryWave[query])
                    entries.append(
                        Entry(
                            pair: fledge_attention_pair(
                                query_start: queries.lowerBound, query_count: queries.count,
                                key_start: keys.lowerBound, key_count: keys.count,
                                distance: distance),
                            keys: (key, keyTurns[key]), queries: (query, queryTurns[query]),
                            wave: wave))
                    (keyTurns[key], queryTurns[query]) = (keyTurns[key] + 1, queryTurns[query] + 1)
                    (keyWave[key], queryWave[query]) = (wave + 1, wave + 1)
                }
            }
        }
        // Turns rise with waves, so whoever has to be waited for stands earlier.
        var byWave = [[Int]](repeating: [], count: (entries.map(\.wave).max() ?? -1) + 1)
        for (index, entry) in entries.enumerated() { byWave[entry.wave].append(index) }
        self.entries = byWave.joined().map { entries[$0] }
        blockCount = blocks.count
    }

    /// Runs every pair for every head on all threads; heads are independent of each other.
    func run(heads: Int, _ body: (fledge_attention_pair, _ head: Int) -> Void) {
        var counters = [Int](repeating: 0, count: 2 * blockCount * heads)
        counters.withUnsafeMutableBufferPointer { counters in
            guard let counters = counters.baseAddress else { return }
            parallelFor(entries.count * heads) { index in
                let (entry, head) = (entries[index / heads], index % heads)
                let keys = counters + entry.keys.block * heads + head
                let queries = counters + (blockCount + entry.queries.block) * heads + head
                fledge_await(keys, entry.keys.turn)
                fledge_await(queries, entry.queries.turn)
                body(entry.pair, head)
                fledge_advance(keys)
                fledge_advance(queries)
            }
        }
    }
}
