internal import FledgeCore

extension SampleStream where Sample == PackedRow {
    /// Rows of several samples each, packed in the order of the data as ``Packing`` does and then
    /// shuffled as a whole, so that any of them can stand anywhere in an epoch.
    ///
    /// - Parameters:
    ///   - lengths: The lengths of all rows.
    ///   - capacity: The most tokens of a row; longer samples are left out.
    ///   - batchSize: Samples that are packed together at a time.
    ///   - seed: The seed of the orders of epochs; `nil` keeps the order of the data.
    public init(
        packing rows: DatasetStream, _ processor: SupervisedProcessor, lengths: StreamLengths,
        capacity: Int, batchSize: Int = 1000, seed: UInt64? = 42
    ) {
        let kept = lengths.counts.indices.filter { lengths.counts[$0] >= 0 }.map { Int32($0) }
        let (members, starts) = Packing.flatGroups(
            kept.map { Int(lengths.counts[Int($0)]) }, capacity: capacity, batchSize: batchSize,
            threads: 2)
        let samples = SampleStream<ProcessedSample>(rows.inDataOrder, processor)
        self.init(shuffled: starts.count - 1, seed, rows, lengths.report) { row, report in
            let indices = members[starts[row]..<starts[row + 1]].map { Int(kept[Int($0)]) }
            let parts = try indices.compactMap {
                try samples.sample(epoch: 0, place: $0, &report)
            }
            guard zip(indices, parts).allSatisfy({ lengths.counts[$0] == $1.inputIDs.count }),
                parts.count == indices.count
            else { throw Self.changed(parts.first?.source) }
            return PackedRow(samples: parts, indices: indices)
        }
    }

    /// Texts one after another, cut into blocks of equal length that are then shuffled.
    ///
    /// - Parameters:
    ///   - lengths: The lengths of all texts with their ends.
    ///   - batchSize: Rows of a preprocessing batch, inside of which the reference stays.
    ///   - seed: The seed of the orders of epochs; `nil` keeps the order of the data.
    public init(
        blocks rows: DatasetStream, _ processor: PretrainingProcessor, lengths: StreamLengths,
        batchSize: Int = 1000, seed: UInt64? = 42
    ) {
        let table = BlockTable(
            lengths.counts, length: processor.cutoffLength,
            batchSize: processor.staysInBatches ? batchSize : nil)
        let samples = SampleStream<ProcessedSample>(rows.inDataOrder, processor)
        self.init(shuffled: table.count, seed, rows, lengths.report) { index, report in
            var (block, source) = ([Int32](), FledgeError.Location?.none)
            for part in table.parts(of: index) {
                let text = try samples.sample(epoch: 0, place: part.row, &report)
                guard let text, text.inputIDs.count == lengths.counts[part.row] else {
                    throw Self.changed(text?.source)
                }
                source = source ?? text.source
                block += text.inputIDs[part.tokens]
            }
            guard let source else { throw Self.changed(nil) }
            let sample = processor.block(block, source)
            return PackedRow(samples: [sample], indices: [index])
        }
    }

    private init(
        shuffled count: Int, _ seed: UInt64?, _ rows: DatasetStream, _ report: DataReport,
        make: @escaping @Sendable (Int, inout DataReport) throws -> PackedRow
    ) {
        let key = seed.map { RandomKey(seed: $0).appending("packed") }
        self.init(count: count, dropsInvalidRows: rows.allowsFaults, report: report) {
            epoch, place, report in
            let order = key.map { KeyedPermutation(count: count, key: $0.appending(epoch)) }
            return try make(order?[place] ?? place, &report)
        }
    }

    private static func changed(_ place: FledgeError.Location?) -> FledgeError {
        FledgeError(
            .data, "The data have changed since their lengths were measured.",
            advice: "Start the run again.", at: place)
    }
}

/// Which tokens of which texts a block is made of.
struct BlockTable: Sendable {
    /// Number of blocks.
    let count: Int
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
    func parts(of block: Int) -> [(row: Int, tokens: Range<Int>)] {
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
