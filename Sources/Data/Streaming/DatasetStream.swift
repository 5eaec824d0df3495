internal import FledgeCore

/// The rows of a run, read while it trains: nothing is held but where they begin.
///
/// The shuffle is global. Every epoch is a keyed permutation of all rows (``StreamOrder``), not the
/// content of a buffer, and any place of it is read at once, so that a resumed run goes on where it
/// stopped without reading what was before. Files larger than memory are mapped; compressed files,
/// Parquet and the places of rows are kept in `cacheFolder` when it is set.
public struct DatasetStream: RowSource {
    private let sets: [StreamedSet]
    private var order: StreamOrder
    /// The rows that are set aside for evaluation, in the order of the data.
    private let held: [(dataset: Int, row: Int)]
    private let makeOrder: @Sendable (_ shuffles: Bool) -> StreamOrder
    private let shuffles: Bool
    /// Whether rows that do not fit are samples with a fault, to be dropped; otherwise errors.
    public let dropsInvalidRows: Bool

    /// Opens data sets.
    ///
    /// - Parameters:
    ///   - options: As for ``DatasetLoader``; rows of `num_samples` and of `val_size` are drawn by
    ///     keys here, so that none of them is both trained and evaluated on.
    ///   - orderSeed: The seed of the orders of epochs; `nil` for that of the options.
    ///   - shuffles: Whether each epoch has a random order.
    /// - Throws: ``FledgeError`` when a data set cannot be read or lacks a column.
    public init(
        _ options: DatasetOptions, orderSeed: UInt64? = nil, shuffles: Bool = true
    ) throws {
        try options.check()
        (self.shuffles, dropsInvalidRows) = (shuffles, options.dropsInvalidRows)
        let key = RandomKey(seed: options.seed)
        var sets = try options.descriptions().train.enumerated().map { number, description in
            StreamedSet(
                try DatasetSource(
                    description, readsInAnyOrder: true, cacheFolder: options.cacheFolder,
                    skipsBrokenRows: options.dropsInvalidRows, quirks: options.quirks),
                limit: options.sampleLimit, allowsFaults: options.dropsInvalidRows,
                key: key.appending("samples").appending(number))
        }
        let held = try Self.hold(options, &sets, shuffles, key.appending("validation"))
        self.held = held
        let (counts, shares) = (sets.map(\.count), try options.shares(of: sets.count))
        makeOrder = {
            StreamOrder(
                counts: counts, mix: options.mix, probabilities: shares,
                seed: $0 ? orderSeed ?? options.seed : options.seed, shuffles: $0)
        }
        order = makeOrder(shuffles)
        self.sets = sets
    }

    /// Sets rows aside, from each data set its part: random ones, or the last ones of data in order.
    private static func hold(
        _ options: DatasetOptions, _ sets: inout [StreamedSet], _ shuffles: Bool, _ key: RandomKey
    ) throws -> [(dataset: Int, row: Int)] {
        let total = sets.reduce(0) { $0 + $1.count }
        let wanted = try DatasetSampling.validationCount(total, size: options.validationSize)
        guard wanted > 0 else { return [] }
        var (result, before): ([(dataset: Int, row: Int)], Int) = ([], 0)
        for number in sets.indices {
            // Shares that add up to the whole, whatever is rounded.
            let share = { (rows: Int) in Int(Double(wanted) * Double(rows) / Double(total)) }
            let end = before + sets[number].count
            let isLast = number == sets.count - 1
            let count = (isLast ? wanted : share(end)) - share(before)
            try sets[number].hold(count, shuffled: shuffles ? key.appending(number) : nil)
            result += (0..<count).map { (number, $0) }
            before = end
        }
        return result
    }

    /// What the descriptions of the data sets overlook.
    public func faults() -> [DataFault] { sets.flatMap { $0.source.unreadColumns() } }

    /// What the user should know about files that are not read.
    public var notes: [String] { sets.flatMap(\.source.notes) }

    /// Number of rows of an epoch.
    public var count: Int { order.count }

    /// Number of rows that are set aside.
    public var heldCount: Int { held.count }

    /// The same rows, of which every epoch has the order of the data.
    public var inDataOrder: DatasetStream {
        var stream = self
        stream.order = makeOrder(false)
        return stream
    }

    /// The row at a place of an epoch.
    ///
    /// - Throws: ``FledgeError`` with the row's place when it does not fit.
    public func sample(epoch: Int, place: Int) throws -> AlignedSample {
        let (dataset, row) = order.row(epoch: epoch, place: place)
        return try sets[dataset].trainingSample(at: row)
    }

    /// A row that is set aside.
    public func heldSample(at index: Int) throws -> AlignedSample {
        let (dataset, row) = held[index]
        return try sets[dataset].heldSample(at: row)
    }
}

/// A data set with those of its rows that are used.
struct StreamedSet: Sendable {
    let source: DatasetSource
    private let key: RandomKey
    /// Number of rows, those that are set aside left out.
    private(set) var count: Int
    /// Whether rows are drawn, some of them more than once if need be.
    private let isDrawn: Bool
    private let allowsFaults: Bool
    /// Number of different rows, those that are set aside among them.
    private let base: Int
    private var heldCount = 0
    private var partition: KeyedPermutation?

    init(_ source: DatasetSource, limit: Int?, allowsFaults: Bool, key: RandomKey) {
        (self.source, self.key, self.allowsFaults) = (source, key, allowsFaults)
        let (wanted, limit) = (source.description.sampleCount, max(limit ?? .max, 0))
        isDrawn = wanted != nil
        base = isDrawn ? source.count : min(source.count, limit)
        count = source.count == 0 ? 0 : min(wanted ?? base, limit)
    }

    /// Sets rows aside before any are drawn.
    mutating func hold(_ rows: Int, shuffled key: RandomKey?) throws {
        guard rows < base || rows == 0 else {
            throw FledgeError(
                .configuration,
                "val_size takes all \(base) rows of the data set \(source.description.name).",
                advice: "Make val_size smaller.")
        }
        partition = key.map { KeyedPermutation(count: base, key: $0) }
        heldCount = rows
        count -= rows
    }

    func trainingSample(at index: Int) throws -> AlignedSample {
        var row = index
        if isDrawn {
            // Another order each time that all rows were drawn.
            let rows = base - heldCount
            row = KeyedPermutation(count: rows, key: key.appending(index / rows))[index % rows]
        }
        // Held rows are the first ones of the permutation, or the last ones of the data.
        return try read(partition.map { $0[heldCount + row] } ?? row)
    }

    private func read(_ row: Int) throws -> AlignedSample {
        try source.sample(at: row, allowingFaults: allowsFaults)
    }

    func heldSample(at index: Int) throws -> AlignedSample {
        try read(partition.map { $0[index] } ?? base - heldCount + index)
    }
}
