internal import FledgeColumnar
internal import FledgeCore
internal import Synchronization

/// How many tokens each row of a stream has, in the order of the data: what packing has to know
/// before the first row is read.
public struct StreamLengths: Sendable {
    /// Number of tokens of each row; -1 for rows that are dropped.
    public let counts: [Int32]
    /// What happened to the rows.
    public let report: DataReport

    /// Tokenises all rows once, and keeps nothing but how long they are.
    ///
    /// - Parameters:
    ///   - cache: A file that keeps the lengths; one that is there is taken. Its name has to stand
    ///     for everything that the lengths depend on.
    /// - Throws: ``FledgeError`` of a row that does not fit and may not be dropped.
    public init<Processor: SampleProcessor>(
        of rows: any RowSource, _ processor: Processor, cache: String? = nil, threads: Int = 2,
        progress: RowProgress? = nil
    ) throws where Processor.Row == AlignedSample, Processor.Sample == ProcessedSample {
        let rows = rows.inDataOrder
        if let cache, let kept = try Self.read(cache, count: rows.count) {
            (counts, report) = kept
            return
        }
        let samples = SampleStream(rows, processor)
        let done = Atomic<Int>(0)
        let size = 256
        let starts = Array(stride(from: 0, to: rows.count, by: size))
        let parts = try concurrentMap(starts, threads: threads, chunkSize: 1) { start in
            var (counts, report) = ([Int32](), DataReport())
            for place in start..<min(start + size, rows.count) {
                let sample = try samples.sample(epoch: 0, place: place, &report)
                counts.append(sample.map { Int32(clamping: $0.inputIDs.count) } ?? -1)
            }
            progress?(done.add(counts.count, ordering: .relaxed).newValue, rows.count)
            return (counts, report)
        }
        var report = DataReport()
        for part in parts { report.append(part.1) }
        (counts, self.report) = (parts.flatMap(\.0), report)
        if let cache {
            try Folder.create(FileSystem.folder(of: cache))
            try AtomicFile.write(
                JSONWriter.bytes(of: report.json, .dense), to: Self.reportFile(cache))
            // Whoever sees the lengths finds the report.
            try counts.withUnsafeBytes { try AtomicFile.write($0, to: cache) }
        }
    }

    private static func reportFile(_ path: String) -> String { path + ".json" }

    /// What a file keeps; `nil` when there is none, or one of another number of rows.
    private static func read(
        _ path: String, count: Int
    ) throws -> (counts: [Int32], report: DataReport)? {
        guard FileSystem.exists(path), FileSystem.exists(reportFile(path)) else { return nil }
        let store = try ByteStore(mapping: path)
        guard store.bytes.count == 4 * count else { return nil }
        let counts = (0..<count).map {
            Int32(littleEndian: store.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self))
        }
        return (counts, DataReport(json: try JSONValue(contentsOf: reportFile(path))))
    }
}
