/// Each row with the answer of the one before it that has one, around the end of the epoch.
public struct FeedbackPairs: SampleArrangement {
    private let processor: FeedbackProcessor
    private let batchSize: Int

    /// Pairs rows for a processor.
    ///
    /// - Parameter batchSize: Rows of a preprocessing batch, inside of which the reference stays.
    public init(_ processor: FeedbackProcessor, batchSize: Int = 1000) {
        (self.processor, self.batchSize) = (processor, batchSize)
    }

    /// One sample of each row with an answer.
    public func samples(of rows: RowSet) throws -> any SampleSource<FeedbackSample> {
        let count = rows.count
        return try rows.each(
            processor, row: { try row(at: $0, of: count, $1) }, sample: { sample, _ in sample })
    }

    /// The row at a place with the one whose answer is put to its question; itself where there is none,
    /// and where it has no answer of its own and is dropped.
    ///
    /// - Parameters:
    ///   - count: Number of rows.
    ///   - read: Gives the row at a place.
    public func row(
        at place: Int, of count: Int, _ read: (Int) throws -> AlignedSample
    ) rethrows -> FeedbackRow {
        let row = try read(place)
        guard processor.hasAnswer(row) else { return FeedbackRow(row: row, other: row) }
        let size = processor.staysInBatches ? max(batchSize, 1) : count
        let start = place / size * size
        let batch = start..<min(start + size, count)
        for step in 1..<max(batch.count, 1) {
            let before = place - step
            let other = try read(before < batch.lowerBound ? before + batch.count : before)
            if processor.hasAnswer(other) { return FeedbackRow(row: row, other: other) }
        }
        return FeedbackRow(row: row, other: row)
    }
}
