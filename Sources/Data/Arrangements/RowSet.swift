internal import FledgeCore

/// Rows that are read when their turn comes, such as a ``DatasetStream``.
public protocol RowSource: SampleSource where Sample == AlignedSample {
    /// The same rows, of which every epoch has the order of the data.
    var inDataOrder: Self { get }

    /// The row at a place of an epoch.
    ///
    /// - Throws: ``FledgeError`` with the row's place when it does not fit.
    func sample(epoch: Int, place: Int) throws -> AlignedSample
}

extension RowSource {
    /// Nothing: rows are not looked at before they are read.
    public var report: DataReport? { nil }

    /// The row at a place of an epoch.
    public func make(
        epoch: Int, place: Int, _ report: inout DataReport
    ) throws -> AlignedSample? { try sample(epoch: epoch, place: place) }
}

/// The rows of a run, of which a ``SampleArrangement`` makes samples: of loaded rows all at once by
/// several threads, to be kept; of streamed rows each when its turn comes.
public struct RowSet {
    /// Gives what a processor takes for the row at a place, by reading rows at any places.
    public typealias Reading<Row> =
        @Sendable (_ place: Int, _ read: (Int) throws -> AlignedSample) throws -> Row

    private enum Rows {
        case loaded([AlignedSample])
        case streamed(any RowSource, seed: UInt64?, lengthsFile: () throws -> String?)
    }

    private let rows: Rows
    private let threads: Int
    private let progress: RowProgress?

    /// Rows in memory, in the order of the data.
    ///
    /// - Parameters:
    ///   - threads: How many threads make samples.
    ///   - progress: Hears of rows that are done.
    public init(_ rows: [AlignedSample], threads: Int = 2, progress: RowProgress? = nil) {
        (self.rows, self.threads, self.progress) = (.loaded(rows), threads, progress)
    }

    /// Rows that are read when their turn comes.
    ///
    /// - Parameters:
    ///   - seed: The seed of the orders in which samples stand that are joined of several rows; nil
    ///     for the order of the data.
    ///   - lengthsFile: Gives a file that keeps what has to be known of all rows before; asked for
    ///     where that is needed.
    public init(
        streaming rows: any RowSource, seed: UInt64?, threads: Int = 2,
        progress: RowProgress? = nil, lengthsFile: @escaping () throws -> String? = { nil }
    ) {
        self.rows = .streamed(rows, seed: seed, lengthsFile: lengthsFile)
        (self.threads, self.progress) = (threads, progress)
    }

    /// Number of rows.
    public var count: Int {
        switch rows {
        case .loaded(let rows): rows.count
        case .streamed(let rows, _, _): rows.count
        }
    }

    /// One sample of each row; of a loaded one several where the processor makes several.
    ///
    /// - Parameters:
    ///   - row: Gives what the processor takes for the row at a place, in the order of an epoch.
    ///   - sample: Makes what is trained on of a processor's sample and its number.
    /// - Throws: ``FledgeError`` for what no row by itself is the cause of.
    public func each<Processor: SampleProcessor, Sample: Sendable>(
        _ processor: Processor, row: @escaping Reading<Processor.Row>,
        sample: @escaping @Sendable (_ made: Processor.Sample, _ index: Int) -> Sample
    ) throws -> any SampleSource<Sample> {
        switch rows {
        case .loaded(let rows):
            let made = try processor.process(
                count: rows.count, threads: threads, progress: progress
            ) { place in try row(place) { rows[$0] } }
            return LoadedSamples(
                made.samples.enumerated().map { sample($1, $0) }, report: made.report)
        case .streamed(let rows, _, _):
            return SampleStream(rows, processor, row: row, sample: sample)
        }
    }

    /// Samples of which each is joined of parts of rows.
    ///
    /// - Throws: ``FledgeError`` for what no row by itself is the cause of; of streamed rows, all of
    ///   which are measured here, that of the first one which does not fit and may not be dropped.
    public func joined<Processor: SampleProcessor, Joining: SampleJoining>(
        _ processor: Processor, by joining: Joining
    ) throws -> any SampleSource<Joining.Sample>
    where Processor.Row == AlignedSample, Processor.Sample == ProcessedSample {
        switch rows {
        case .loaded(let rows):
            let made = try processor.process(rows, threads: threads, progress: progress)
            return LoadedSamples(
                joining.joined(made.samples, threads: threads), report: made.report)
        case .streamed(let rows, let seed, let lengthsFile):
            let lengths = try StreamLengths(
                of: rows, processor, cache: lengthsFile(), threads: threads, progress: progress)
            return SampleStream(
                rows, processor, joining: joining, lengths: lengths, seed: seed, threads: threads)
        }
    }
}
