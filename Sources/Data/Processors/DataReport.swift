public import FledgeCore

/// What happened to the rows of a data set.
public struct DataReport: Hashable, Sendable {
    /// A row that is not used.
    public struct Dropped: Hashable, Sendable {
        /// Where it is written.
        public var source: FledgeError.Location
        /// Why it is not used.
        public var reason: String
        /// What could be done about it; empty where nothing special is known.
        public var advice = ""

        /// Names a row that is not used.
        public init(source: FledgeError.Location, reason: String, advice: String = "") {
            (self.source, self.reason, self.advice) = (source, reason, advice)
        }
    }

    /// Number of rows before any was dropped.
    public var rowCount = 0
    /// Rows that are not used.
    public var dropped: [Dropped] = []
    /// Rows of which a part did not fit.
    public var truncated: [FledgeError.Location] = []
    /// Rows of which nothing is learned.
    public var unsupervised: [FledgeError.Location] = []
    /// Rows of a preference whose two answers are the same tokens.
    public var equalAnswers: [FledgeError.Location] = []
    /// Rows whose messages hold control strings; these stayed text unless told otherwise.
    public var controlStrings: [FledgeError.Location] = []
    /// Rows with answers of which the model's own template marks nothing as written by the model.
    public var unmarked: [FledgeError.Location] = []
    /// Rows with answers that are learned behind the prompt without thinking, though the run asks for it.
    public var switchedThinking: [FledgeError.Location] = []
    /// Number of tokens of the rows that are used.
    public var tokenCount = 0
    /// Number of tokens that are learned.
    public var supervisedCount = 0

    /// Creates an empty report.
    public init() {}

    /// Adds what happened to more rows.
    package mutating func append(_ other: DataReport) {
        rowCount += other.rowCount
        dropped += other.dropped
        truncated += other.truncated
        unsupervised += other.unsupervised
        equalAnswers += other.equalAnswers
        controlStrings += other.controlStrings
        unmarked += other.unmarked
        switchedThinking += other.switchedThinking
        tokenCount += other.tokenCount
        supervisedCount += other.supervisedCount
    }
}

extension DataReport.Dropped {
    /// What can be done, where something special is known, and what can be done about every row.
    package func remedy(_ correct: String) -> String {
        (advice.isEmpty ? "" : advice + " ")
            + "\(correct), or set drop_invalid_rows: true to train without such rows."
    }
}
