import FledgeCore
import Synchronization

/// Makes samples of rows, each by itself; every kind of training has its own.
public protocol SampleProcessor: Sendable {
    /// What a sample is made of.
    associatedtype Row: Sendable = AlignedSample
    /// What the collator of this kind of training takes.
    associatedtype Sample: Sendable

    /// The sample of a row; nil for a row that is dropped, which the report then names.
    ///
    /// - Throws: ``FledgeError`` when a row cannot be written in the template.
    func sample(_ row: Row, _ report: inout DataReport) throws -> Sample?

    /// The samples of a row, which are several where no single one can hold what is learned.
    ///
    /// - Throws: As ``sample(_:_:)``.
    func samples(_ row: Row, _ report: inout DataReport) throws -> [Sample]
}

extension SampleProcessor {
    /// The one sample of a row.
    public func samples(_ row: Row, _ report: inout DataReport) throws -> [Sample] {
        try sample(row, &report).map { [$0] } ?? []
    }
}

/// Called now and then, from any thread, with the rows that are done and all rows.
public typealias RowProgress = @Sendable (_ done: Int, _ total: Int) -> Void

extension SampleProcessor {
    /// Makes samples of all rows, keeping their order whatever the number of threads.
    ///
    /// - Parameters:
    ///   - threads: How many threads tokenise.
    /// Rows that cannot be written in the template are dropped, and the report names them.
    ///
    /// - Throws: ``FledgeError`` for what no row by itself is the cause of.
    public func process(
        _ rows: [Row], threads: Int = 2,
        progress: RowProgress? = nil
    ) throws -> ProcessedDataset<Sample> {
        try process(count: rows.count, threads: threads, progress: progress) { rows[$0] }
    }

    /// Makes samples of so many rows, which `row` gives.
    func process(
        count total: Int, threads: Int, progress: RowProgress?,
        row: @Sendable (Int) throws -> Row
    ) throws -> ProcessedDataset<Sample> {
        let size = 64
        let ranges = stride(from: 0, to: total, by: size).map { $0..<min($0 + size, total) }
        let done = Atomic<Int>(0)
        let parts = try concurrentMap(ranges, threads: threads, chunkSize: 1) { range in
            var part = ProcessedDataset<Sample>(samples: [])
            for place in range {
                let row = try row(place)
                part.samples += try fitting(row, &part.report) { try samples(row, &$0) } ?? []
            }
            progress?(done.add(range.count, ordering: .relaxed).newValue, total)
            return part
        }
        var dataset = ProcessedDataset<Sample>(samples: [])
        for part in parts {
            dataset.samples += part.samples
            dataset.report.append(part.report)
        }
        return dataset
    }

    /// What is made of a row; nil for one that cannot be written, which the report then names.
    func fitting<Made>(
        _ row: Row, _ report: inout DataReport, _ make: (inout DataReport) throws -> Made
    ) throws -> Made? {
        do {
            return try make(&report)
        } catch let error as FledgeError where error.code == .data || error.code == .mismatch {
            guard let source = error.location else { throw error }
            report.dropped.append(
                DataReport.Dropped(
                    source: source, reason: error.message.withoutStop, advice: error.advice))
            return nil
        }
    }
}

extension String {
    /// Without the full stop of a sentence.
    fileprivate var withoutStop: String { hasSuffix(".") ? String(dropLast()) : self }
}
