internal import FledgeCore

/// Samples that are made when their turn comes, in the order of an epoch.
public struct SampleStream<Sample: Sendable>: SampleSource {
    /// Number of samples of an epoch.
    public let count: Int
    /// Whether rows that do not fit are dropped; otherwise they are errors.
    public let dropsInvalidRows: Bool
    /// What happened to all rows, where they were all looked at before.
    public let report: DataReport?
    private let made: @Sendable (_ epoch: Int, _ place: Int, inout DataReport) throws -> Sample?

    /// Creates a stream.
    ///
    /// - Parameters:
    ///   - report: What happened to all rows, where they were all looked at before.
    ///   - make: Gives the sample at a place of an epoch; `nil` for a row that is dropped, which the
    ///     report then names.
    public init(
        count: Int, dropsInvalidRows: Bool, report: DataReport? = nil,
        make:
            @escaping @Sendable (_ epoch: Int, _ place: Int, inout DataReport) throws -> Sample?
    ) {
        (self.count, self.dropsInvalidRows, made) = (count, dropsInvalidRows, make)
        self.report = report
    }

    /// Makes the sample at a place of an epoch; nil for a row that does not fit.
    public func make(epoch: Int, place: Int, _ report: inout DataReport) throws -> Sample? {
        try made(epoch, place, &report)
    }
}

extension SampleStream {
    /// One sample of each row.
    public init<Processor: SampleProcessor>(
        _ rows: any RowSource, _ processor: Processor
    ) where Processor.Row == AlignedSample, Processor.Sample == Sample {
        self.init(rows, processor, row: { try $1($0) }, sample: { sample, _ in sample })
    }

    /// One sample of each row, see ``RowSet/each(_:row:sample:)``.
    init<Processor: SampleProcessor>(
        _ rows: any RowSource, _ processor: Processor,
        row: @escaping RowSet.Reading<Processor.Row>,
        sample: @escaping @Sendable (Processor.Sample, Int) -> Sample
    ) {
        self.init(count: rows.count, dropsInvalidRows: rows.dropsInvalidRows) {
            epoch, place, report in
            let row = try row(place) { try rows.sample(epoch: epoch, place: $0) }
            let made = try processor.fitting(row, &report) { try processor.sample(row, &$0) }
            return made.flatMap(\.self).map { sample($0, place) }
        }
    }

    /// Samples of which each is joined of parts of rows, shuffled as a whole so that any of them can
    /// stand anywhere in an epoch.
    ///
    /// - Parameters:
    ///   - lengths: The lengths of all rows in the order of the data.
    ///   - seed: The seed of the orders of epochs; `nil` keeps the order of the data.
    public init<Processor: SampleProcessor, Joining: SampleJoining>(
        _ rows: any RowSource, _ processor: Processor, joining: Joining, lengths: StreamLengths,
        seed: UInt64?, threads: Int = 2
    )
    where
        Joining.Sample == Sample, Processor.Row == AlignedSample,
        Processor.Sample == ProcessedSample
    {
        let table = joining.table(of: lengths.counts, threads: threads)
        let count = table.count
        let single = SampleStream<ProcessedSample>(rows.inDataOrder, processor)
        let key = seed.map { RandomKey(seed: $0).appending("packed") }
        self.init(
            count: count, dropsInvalidRows: rows.dropsInvalidRows, report: lengths.report
        ) { epoch, place, report in
            let order = key.map { KeyedPermutation(count: count, key: $0.appending(epoch)) }
            let index = order?[place] ?? place
            var parts = [SamplePart]()
            for part in table.parts(of: index) {
                let sample = try single.sample(epoch: 0, place: part.row, &report)
                guard let sample, sample.inputIDs.count == lengths.counts[part.row] else {
                    throw Self.changed(sample?.source ?? parts.first?.sample.source)
                }
                parts.append(SamplePart(row: part.row, sample: sample, tokens: part.tokens))
            }
            return joining.sample(index, of: parts)
        }
    }

    private static func changed(_ place: FledgeError.Location?) -> FledgeError {
        FledgeError(
            .data, "The data have changed since their lengths were measured.",
            advice: "Start the run again.", at: place)
    }
}
