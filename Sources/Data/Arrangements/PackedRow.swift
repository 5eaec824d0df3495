/// Several samples in one row.
public struct PackedRow: Hashable, Sendable {
    /// The samples in their order.
    public var samples: [ProcessedSample]
    /// The samples' places in the data set.
    public var indices: [Int]

    /// Creates a row of samples and their places in the data set.
    public init(samples: [ProcessedSample], indices: [Int]) {
        precondition(samples.count == indices.count, "PackedRow: one index a sample")
        (self.samples, self.indices) = (samples, indices)
    }

    /// The columns of the row when it is filled up, as the reference writes them.
    public struct Columns: Hashable, Sendable {
        /// The tokens.
        public var inputIDs: [Int32]
        /// The labels.
        public var labels: [Int32]
        /// Each token's place in its sample.
        public var positions: [Int32]
        /// 1 for all (plain), or the number of the sample and 0 for padding (neat).
        public var attention: [Int32]
        /// Where samples begin, and the row's end; with padding a segment of its own (neat only).
        public var boundaries: [Int]
    }

    /// The row filled up with padding.
    public func columns(length: Int, padding: Int32, neat: Bool) -> Columns {
        var result = Columns(
            inputIDs: [], labels: [], positions: [], attention: [], boundaries: [0])
        for (index, sample) in samples.enumerated() {
            let count = sample.inputIDs.count
            result.inputIDs += sample.inputIDs
            result.labels += sample.labels
            result.positions += (0..<Int32(count))
            result.attention += repeatElement(neat ? Int32(index + 1) : 1, count: count)
            result.boundaries.append(result.inputIDs.count)
        }
        let missing = max(length - result.inputIDs.count, 0)
        result.inputIDs += repeatElement(padding, count: missing)
        result.labels += repeatElement(ProcessedSample.ignored, count: missing)
        result.positions += repeatElement(0, count: missing)
        result.attention += repeatElement(neat ? 0 : 1, count: missing)
        if missing > 0 { result.boundaries.append(result.inputIDs.count) }
        return result
    }
}
