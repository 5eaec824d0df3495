/// The samples of a data set, in the order of its rows, and what happened to the others.
public struct ProcessedDataset<Sample: Sendable>: Sendable {
    /// The samples.
    public var samples: [Sample]
    /// What happened to the rows.
    public var report: DataReport

    /// Creates a data set.
    public init(samples: [Sample], report: DataReport = DataReport()) {
        (self.samples, self.report) = (samples, report)
    }
}

extension ProcessedDataset {
    /// Sets a part of the samples aside for evaluation, in the order that the reference gives them.
    ///
    /// - Parameters:
    ///   - evaluation: A fraction below 1, else a number of samples.
    ///   - seed: The seed of the selection.
    /// - Throws: ``FledgeError`` when nothing would be left to train on.
    public func split(
        evaluation: Double, seed: UInt64
    ) throws -> (train: [Sample], evaluation: [Sample]) {
        let parts = try DatasetSampling.split(samples.count, validation: evaluation, seed: seed)
        return (parts.train.map { samples[$0] }, parts.validation.map { samples[$0] })
    }
}

extension DatasetLoader {
    /// The rows of a JSON or JSONL file in alpaca form (`instruction`, `input`, `output`).
    public static func rows(alpaca path: String) throws -> [AlignedSample] {
        try rows(DatasetDescription(name: path, path: path))
    }
}
