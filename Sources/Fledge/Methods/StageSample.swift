public import FledgeData

/// A kind of sample that methods train on.
public protocol StageSample: ColumnarSample {
    /// Number of tokens, of several answers those with the longest one.
    var length: Int { get }

    /// The tokens by which a sample of training is known again in evaluation.
    var identity: [Int32] { get }

    /// What a person is shown of the sample, each part with its title.
    var parts: [(title: String, sample: ProcessedSample)] { get }

    /// The sequences that it puts before a model.
    var sequences: [ProcessedSample] { get }
}

extension PackedRow: StageSample {
    /// Number of tokens.
    public var length: Int { samples.reduce(0) { $0 + $1.inputIDs.count } }

    /// Number of tokens that are learned.
    public var supervisedCount: Int { samples.reduce(0) { $0 + $1.supervisedCount } }

    /// The tokens of all its samples.
    public var identity: [Int32] { samples.flatMap(\.inputIDs) }

    /// The first two samples.
    public var parts: [(title: String, sample: ProcessedSample)] {
        samples.prefix(2).map { ("", $0) }
    }

    /// Its samples.
    public var sequences: [ProcessedSample] { samples }
}

extension PairwiseSample: StageSample {
    /// Number of tokens of the question with the longer answer.
    public var length: Int { max(chosen.inputIDs.count, rejected.inputIDs.count) }

    /// The question with the better answer.
    public var identity: [Int32] { chosen.inputIDs }

    /// Both answers.
    public var parts: [(title: String, sample: ProcessedSample)] {
        [("chosen", chosen), ("rejected", rejected)]
    }

    /// The question with each answer.
    public var sequences: [ProcessedSample] { [chosen, rejected] }
}

extension FeedbackSample: StageSample {
    /// Number of tokens of the question with its answer.
    public var length: Int { target.inputIDs.count }

    /// The question with its answer.
    public var identity: [Int32] { target.inputIDs }

    /// The answer with its mark.
    public var parts: [(title: String, sample: ProcessedSample)] {
        [(isDesirable ? "desirable" : "undesirable", target)]
    }

    /// The question with its answer, and with that of another row.
    public var sequences: [ProcessedSample] { [target, mismatched] }
}

extension PromptSample: StageSample {
    /// Number of tokens of the question.
    public var length: Int { promptIDs.count }

    /// The question.
    public var identity: [Int32] { promptIDs }

    /// The question.
    public var parts: [(title: String, sample: ProcessedSample)] {
        sequences.map { ("question", $0) }
    }

    /// The question, of which nothing is learned.
    public var sequences: [ProcessedSample] {
        let ignored = [Int32](repeating: ProcessedSample.ignored, count: promptIDs.count)
        return [ProcessedSample(inputIDs: promptIDs, labels: ignored, source: source)]
    }
}
