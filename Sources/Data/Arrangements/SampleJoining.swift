/// A part of a row's sample.
public struct SamplePart: Sendable {
    /// The number of the row; of loaded ones, among the samples of all rows.
    public var row: Int
    /// All that the row makes.
    public var sample: ProcessedSample
    /// The tokens that belong to the part.
    public var tokens: Range<Int>

    /// Creates a part.
    public init(row: Int, sample: ProcessedSample, tokens: Range<Int>) {
        (self.row, self.sample, self.tokens) = (row, sample, tokens)
    }
}

/// Which parts of which rows samples are made of.
public protocol PartTable: Sendable {
    /// Number of samples.
    var count: Int { get }

    /// The parts of a sample in their order; at least one.
    func parts(of index: Int) -> [(row: Int, tokens: Range<Int>)]
}

/// How samples are joined of parts of several rows, which follows from how long rows are.
public protocol SampleJoining<Sample>: Sendable {
    /// What is trained on.
    associatedtype Sample: Sendable
    /// Which parts samples are made of.
    associatedtype Table: PartTable

    /// The parts of all samples.
    ///
    /// - Parameter counts: Number of tokens of each row in the order of the data; less than 0 for one
    ///   that is left out.
    func table(of counts: [Int32], threads: Int) -> Table

    /// The sample of some parts.
    func sample(_ index: Int, of parts: [SamplePart]) -> Sample
}

extension SampleJoining {
    /// Joins samples that are in memory, in their order.
    public func joined(_ samples: [ProcessedSample], threads: Int = 2) -> [Sample] {
        let table = table(of: samples.map { Int32(clamping: $0.inputIDs.count) }, threads: threads)
        return concurrentMap(Array(0..<table.count), threads: threads) { index in
            let parts = table.parts(of: index).map {
                SamplePart(row: $0.row, sample: samples[$0.row], tokens: $0.tokens)
            }
            return sample(index, of: parts)
        }
    }
}

/// Samples that are joined of several rows: packed ones (``Packing``), blocks (``TokenBlocks``).
public struct JoinedSamples<Processor: SampleProcessor, Joining: SampleJoining>: SampleArrangement
where Processor.Row == AlignedSample, Processor.Sample == ProcessedSample {
    /// What is joined.
    public typealias Sample = Joining.Sample

    private let processor: Processor
    private let joining: Joining

    /// Samples of what a processor makes of rows.
    public init(_ processor: Processor, by joining: Joining) {
        (self.processor, self.joining) = (processor, joining)
    }

    /// Samples that are joined of several rows.
    public func samples(of rows: RowSet) throws -> any SampleSource<Sample> {
        try rows.joined(processor, by: joining)
    }
}
