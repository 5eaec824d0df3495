import Dispatch
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
}

extension SampleProcessor {
    /// Makes samples of all rows, keeping their order whatever the number of threads.
    ///
    /// - Parameters:
    ///   - threads: How many threads tokenise.
    ///   - progress: Called now and then, from any thread, with the rows that are done and all.
    /// - Throws: ``FledgeError`` of the first row that cannot be written in the template.
    public func process(
        _ rows: [Row], threads: Int = 2,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws -> ProcessedDataset<Sample> {
        let chunkSize = 64
        let chunkCount = (rows.count + chunkSize - 1) / chunkSize
        let next = Atomic<Int>(0)
        let done = Atomic<Int>(0)
        let results = Mutex<[Int: Result<ProcessedDataset<Sample>, any Error>]>([:])
        DispatchQueue.concurrentPerform(iterations: max(1, min(threads, chunkCount))) { _ in
            while true {
                let chunk = next.add(1, ordering: .relaxed).oldValue
                guard chunk < chunkCount else { return }
                let range = chunk * chunkSize..<min((chunk + 1) * chunkSize, rows.count)
                let result = Result { try process(serially: rows[range]) }
                results.withLock { $0[chunk] = result }
                let count = done.add(range.count, ordering: .relaxed).newValue
                progress?(count, rows.count)
            }
        }
        var dataset = ProcessedDataset<Sample>(samples: [])
        let all = results.withLock { $0 }
        for chunk in 0..<chunkCount {
            guard let part = try all[chunk]?.get() else { continue }
            dataset.samples += part.samples
            dataset.report.append(part.report)
        }
        return dataset
    }

    private func process(serially rows: ArraySlice<Row>) throws -> ProcessedDataset<Sample> {
        var dataset = ProcessedDataset<Sample>(samples: [])
        for row in rows {
            guard let sample = try sample(row, &dataset.report) else { continue }
            dataset.samples.append(sample)
        }
        return dataset
    }
}
