internal import FledgeCore

/// Texts one after another, cut into blocks of equal length.
///
/// The last block is shorter; the reference leaves it out, of every preprocessing batch. Where the
/// tokenizer puts a token at the beginning of texts, it takes the place of each block's first one.
public struct TokenBlocks: SampleJoining {
    private let processor: PretrainingProcessor
    private let batchSize: Int

    /// Blocks of the length that a processor has.
    ///
    /// - Parameter batchSize: Rows of a preprocessing batch, inside of which the reference stays.
    public init(_ processor: PretrainingProcessor, batchSize: Int = 1000) {
        (self.processor, self.batchSize) = (processor, batchSize)
    }

    /// The parts of all blocks.
    public func table(of counts: [Int32], threads: Int) -> BlockTable {
        BlockTable(
            counts, length: processor.cutoffLength,
            batchSize: processor.staysInBatches ? batchSize : nil)
    }

    /// A block in a row of its own, which is written where it begins.
    public func sample(_ index: Int, of parts: [SamplePart]) -> PackedRow {
        var ids = [Int32]()
        ids.reserveCapacity(processor.cutoffLength)
        for part in parts { ids += part.sample.inputIDs[part.tokens] }
        let source = parts.first?.sample.source ?? FledgeError.Location(file: "")
        return PackedRow(samples: [processor.block(ids, source)], indices: [index])
    }
}

/// Which tokens of which texts a block is made of.
public struct BlockTable: PartTable {
    /// Number of blocks.
    public let count: Int
    private let length: Int
    private let rows: [Int32]
    /// The number of tokens before each text, and of all.
    private let starts: [Int]
    /// Runs of texts that blocks stay in.
    private var groups: [(tokens: Range<Int>, firstBlock: Int)] = []

    /// - Parameters:
    ///   - counts: Tokens of each text; less than 0 for one that is left out.
    ///   - batchSize: Texts of a run, of which what fills no block is left out; `nil` for one run of
    ///     which the last block may be shorter.
    init(_ counts: [Int32], length: Int, batchSize: Int?) {
        self.length = length
        rows = counts.indices.lazy.filter { counts[$0] > 0 }.map { Int32($0) }
        var starts = [0]
        starts.reserveCapacity(rows.count + 1)
        for row in rows { starts.append(starts[starts.count - 1] + Int(counts[Int(row)])) }
        self.starts = starts
        var blocks = 0
        let size = max(batchSize ?? rows.count, 1)
        for first in stride(from: 0, to: rows.count, by: size) {
            let tokens = starts[first]..<starts[min(first + size, rows.count)]
            groups.append((tokens, blocks))
            blocks +=
                batchSize == nil
                ? (tokens.count + length - 1) / length : tokens.count / length
        }
        count = blocks
    }

    /// The texts of a block, each with its part.
    public func parts(of block: Int) -> [(row: Int, tokens: Range<Int>)] {
        let group = groups[Self.last(groups.count) { groups[$0].firstBlock <= block }]
        let start = group.tokens.lowerBound + (block - group.firstBlock) * length
        let end = min(start + length, group.tokens.upperBound)
        var row = Self.last(rows.count) { starts[$0] <= start }
        var (parts, at) = ([(row: Int, tokens: Range<Int>)](), start)
        while at < end {
            let stop = min(end, starts[row + 1])
            parts.append((Int(rows[row]), at - starts[row]..<stop - starts[row]))
            (at, row) = (stop, row + 1)
        }
        return parts
    }

    /// The last index for which a condition holds that holds for all before it, the first one too.
    private static func last(_ count: Int, where holds: (Int) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low + 1 < high {
            let middle = (low + high) / 2
            if holds(middle) { low = middle } else { high = middle }
        }
        return low
    }
}
