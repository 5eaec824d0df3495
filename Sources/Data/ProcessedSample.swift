public import FledgeCore

/// A sample as the model sees it.
public struct ProcessedSample: Hashable, Sendable {
    /// The label of a token that is not learned.
    public static let ignored: Int32 = -100

    /// The tokens.
    public var inputIDs: [Int32]
    /// For each token itself, or ``ignored`` where it is not learned.
    public var labels: [Int32]
    /// How much each token counts where it is learned; nil where all count alike.
    public var weights: [Float]?
    /// Where the row is written.
    public var source: FledgeError.Location

    /// Creates a sample.
    public init(
        inputIDs: [Int32], labels: [Int32], weights: [Float]? = nil, source: FledgeError.Location
    ) {
        (self.inputIDs, self.labels, self.source) = (inputIDs, labels, source)
        self.weights = weights
    }

    /// Takes weights over; what counts nothing is not learned.
    mutating func setWeights(_ weights: [Float]) {
        for (index, weight) in weights.enumerated() where weight == 0 {
            labels[index] = ProcessedSample.ignored
        }
        self.weights = weights
    }

    /// Number of tokens that are predicted and learned.
    public var supervisedCount: Int {
        labels.dropFirst().count { $0 != ProcessedSample.ignored }
    }
}
