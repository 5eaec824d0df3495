internal import FledgeCore

/// Samples that are made when their turn comes, in the order of an epoch.
///
/// A sample is a function of epoch and place, so that nothing is read again when a run is resumed.
public struct SampleStream<Sample: Sendable>: Sendable {
    /// Number of samples of an epoch.
    public let count: Int
    /// Whether rows that do not fit are dropped; otherwise they are errors.
    public let dropsInvalidRows: Bool
    /// What happened to all rows, where they were all looked at before.
    public let report: DataReport?
    private let make: @Sendable (_ epoch: Int, _ place: Int, inout DataReport) throws -> Sample?

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
        (self.count, self.dropsInvalidRows, self.make) = (count, dropsInvalidRows, make)
        self.report = report
    }

    /// The sample at a place of an epoch; `nil` for a row that is dropped.
    ///
    /// - Throws: ``FledgeError`` with the row's place when it does not fit and may not be dropped.
    public func sample(
        epoch: Int, place: Int, _ report: inout DataReport
    ) throws -> Sample? {
        precondition(place >= 0 && place < count, "SampleStream: place \(place) of \(count)")
        let known = report.dropped.count
        if let sample = try make(epoch, place, &report) { return sample }
        guard !dropsInvalidRows, report.dropped.count > known else { return nil }
        throw FledgeError(
            .data, "The row does not fit: \(report.dropped[known].reason).",
            advice: report.dropped[known].remedy("Correct it"), at: report.dropped[known].source)
    }
}

extension SampleStream {
    /// One sample of each row.
    ///
    /// - Parameter wrap: Makes what is trained on of a processor's sample and its place.
    public init<Processor: SampleProcessor>(
        _ rows: DatasetStream, _ processor: Processor,
        wrap: @escaping @Sendable (Processor.Sample, Int) -> Sample
    ) where Processor.Row == AlignedSample {
        self.init(count: rows.count, dropsInvalidRows: rows.allowsFaults) { epoch, place, report in
            let row = try rows.sample(epoch: epoch, place: place)
            let sample = try processor.fitting(row, &report) { try processor.sample(row, &$0) }
            return sample.flatMap(\.self).map { wrap($0, place) }
        }
    }

    /// One sample of each row.
    public init<Processor: SampleProcessor>(
        _ rows: DatasetStream, _ processor: Processor
    ) where Processor.Row == AlignedSample, Processor.Sample == Sample {
        self.init(rows, processor) { sample, _ in sample }
    }
}

extension SampleStream where Sample == FeedbackSample {
    /// Rows with the answer of the nearest row before them in the epoch that has one.
    public init(_ rows: DatasetStream, _ processor: FeedbackProcessor) {
        self.init(count: rows.count, dropsInvalidRows: rows.allowsFaults) { epoch, place, report in
            let row = try rows.sample(epoch: epoch, place: place)
            var other = row
            for step in 1..<min(max(rows.count, 2), 1000) {
                let before = (place - step % rows.count + rows.count) % rows.count
                other = try rows.sample(epoch: epoch, place: before)
                if processor.hasAnswer(other) { break }
            }
            let pair = FeedbackRow(row: row, other: other)
            return try processor.fitting(pair, &report) { try processor.sample(pair, &$0) } ?? nil
        }
    }
}
