/// How the rows of a run become samples, written once for loaded and streamed rows: one by one, in
/// pairs, several together, cut anew.
///
/// An arrangement of your own is a small value whose one function uses what a ``RowSet`` offers.
public protocol SampleArrangement<Sample>: Sendable {
    /// What is trained on.
    associatedtype Sample: Sendable

    /// The samples of rows; those of loaded rows in the order of the data.
    ///
    /// - Throws: ``FledgeError`` for what no row by itself is the cause of.
    func samples(of rows: RowSet) throws -> any SampleSource<Sample>
}

extension SampleArrangement {
    /// The samples of rows in memory, made at once; rows that do not fit are left out, and the report
    /// names them.
    ///
    /// - Throws: ``FledgeError`` for what no row by itself is the cause of.
    public func loaded(
        _ rows: [AlignedSample], threads: Int = 2, progress: RowProgress? = nil
    ) throws -> LoadedSamples<Sample> {
        try LoadedSamples(
            keeping: samples(of: RowSet(rows, threads: threads, progress: progress)),
            threads: threads)
    }
}

/// One sample of each row, by itself.
public struct SingleSamples<Processor: SampleProcessor, Sample: Sendable>: SampleArrangement
where Processor.Row == AlignedSample {
    private let processor: Processor
    private let wrap: @Sendable (Processor.Sample, Int) -> Sample

    /// The samples that a processor makes.
    public init(_ processor: Processor) where Processor.Sample == Sample {
        (self.processor, wrap) = (processor, { sample, _ in sample })
    }

    /// The samples that a processor makes, each in a row of its own.
    public init(_ processor: Processor)
    where Processor.Sample == ProcessedSample, Sample == PackedRow {
        (self.processor, wrap) = (processor, { PackedRow(samples: [$0], indices: [$1]) })
    }

    /// One sample of each row.
    public func samples(of rows: RowSet) throws -> any SampleSource<Sample> {
        try rows.each(processor, row: { try $1($0) }, sample: wrap)
    }
}
