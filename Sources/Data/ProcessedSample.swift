public import FledgeCore

/// A sample as the model sees it.
public struct ProcessedSample: Hashable, Sendable {
    /// The label of a token that is not learned.
    public static let ignored: Int32 = -100

    /// The tokens.
    public var inputIDs: [Int32]
    /// For each token itself, or ``ignored`` where it is not learned.
    public var labels: [Int32]
    /// Where the row is written.
    public var source: FledgeError.Location

    /// Creates a sample.
    public init(inputIDs: [Int32], labels: [Int32], source: FledgeError.Location) {
        (self.inputIDs, self.labels, self.source) = (inputIDs, labels, source)
    }

    /// Number of tokens that are predicted and learned.
    public var supervisedCount: Int {
        labels.dropFirst().count { $0 != ProcessedSample.ignored }
    }
}

/// What happened to the rows of a data set.
public struct DataReport: Hashable, Sendable {
    /// A row that is not used.
    public struct Dropped: Hashable, Sendable {
        /// Where it is written.
        public var source: FledgeError.Location
        /// Why it is not used.
        public var reason: String
    }

    /// Number of rows before any was dropped.
    public var rowCount = 0
    /// Rows that are not used.
    public var dropped: [Dropped] = []
    /// Rows of which a part did not fit.
    public var truncated: [FledgeError.Location] = []
    /// Rows of which nothing is learned.
    public var unsupervised: [FledgeError.Location] = []
    /// Rows whose messages hold control strings; these stayed text unless told otherwise.
    public var controlStrings: [FledgeError.Location] = []
    /// Number of tokens of the rows that are used.
    public var tokenCount = 0
    /// Number of tokens that are learned.
    public var supervisedCount = 0

    /// Creates an empty report.
    public init() {}

    /// Adds what happened to more rows.
    mutating func append(_ other: DataReport) {
        rowCount += other.rowCount
        dropped += other.dropped
        truncated += other.truncated
        unsupervised += other.unsupervised
        controlStrings += other.controlStrings
        tokenCount += other.tokenCount
        supervisedCount += other.supervisedCount
    }
}

/// The samples of a data set, in the order of its rows, and what happened to the others.
public struct ProcessedDataset: Sendable {
    /// The samples.
    public var samples: [ProcessedSample]
    /// What happened to the rows.
    public var report: DataReport

    /// Creates a data set.
    public init(samples: [ProcessedSample], report: DataReport = DataReport()) {
        (self.samples, self.report) = (samples, report)
    }
}
