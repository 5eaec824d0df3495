internal import FledgeCore
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

/// How the rows of a run become samples, at once or one by one, and what is checked about them.
public struct SampleRecipe<Sample: Sendable> {
    /// Tokens of a packed row, with the one that the reference pads to; nil when rows are not packed.
    public var packedLength: Int?
    /// Number of answers that a row has.
    public var answerCount: Int
    /// Whether nothing of a row is read but its first text.
    public var readsTextAlone = false
    /// Whether questions are learned as well as answers.
    public var learnsQuestions = false
    /// Makes samples of all rows.
    public var make:
        (_ rows: [AlignedSample], _ threads: Int, RowProgress?) throws -> ProcessedDataset<Sample>
    /// Makes samples of all rows for evaluation where they are others than those to train on.
    public var makeEvaluation:
        (
            (_ rows: [AlignedSample], _ threads: Int, RowProgress?) throws -> ProcessedDataset<
                Sample
            >
        )?
    /// Makes samples of rows when their turn comes; `cache` is a file for what has to be known of
    /// all rows before.
    public var stream:
        (
            _ rows: DatasetStream, _ cache: () throws -> String?, _ threads: Int, RowProgress?
        ) throws -> SampleStream<Sample>
    /// Finds what is wrong with samples.
    public var check: (SampleChecks, [Sample], DataReport) -> [DataFault]

    /// Creates a recipe.
    ///
    /// - Parameters:
    ///   - packedLength: Tokens of a packed row, with the one that the reference pads to.
    ///   - readsTextAlone: Whether nothing of a row is read but its first text.
    ///   - learnsQuestions: Whether questions are learned as well as answers.
    public init(
        packedLength: Int?, answerCount: Int, readsTextAlone: Bool = false,
        learnsQuestions: Bool = false,
        make:
            @escaping (_ rows: [AlignedSample], _ threads: Int, RowProgress?) throws ->
            ProcessedDataset<Sample>,
        stream:
            @escaping (
                _ rows: DatasetStream, _ cache: () throws -> String?, _ threads: Int, RowProgress?
            ) throws -> SampleStream<Sample>,
        check: @escaping (SampleChecks, [Sample], DataReport) -> [DataFault]
    ) {
        (self.packedLength, self.answerCount) = (packedLength, answerCount)
        (self.readsTextAlone, self.learnsQuestions) = (readsTextAlone, learnsQuestions)
        (self.make, self.stream, self.check) = (make, stream, check)
    }
}

extension SampleRecipe {
    /// One sample of each row, nothing packed.
    public init<Processor: SampleProcessor>(
        _ processor: Processor, answerCount: Int,
        check: @escaping (SampleChecks, [Sample], DataReport) -> [DataFault]
    ) where Processor.Row == AlignedSample, Processor.Sample == Sample {
        self.init(
            packedLength: nil, answerCount: answerCount,
            make: { try processor.process($0, threads: $1, progress: $2) },
            stream: { rows, _, _, _ in SampleStream(rows, processor) }, check: check)
    }
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

    /// Each sample in a row of its own.
    static func singles(_ samples: [ProcessedSample]) -> [PackedRow] {
        samples.enumerated().map { PackedRow(samples: [$0.element], indices: [$0.offset]) }
    }

    /// Each sample in a row of its own, read when its turn comes.
    static func singles<Processor: SampleProcessor>(
        _ rows: DatasetStream, _ processor: Processor
    ) -> SampleStream<PackedRow>
    where Processor.Row == AlignedSample, Processor.Sample == ProcessedSample {
        SampleStream(rows, processor) { PackedRow(samples: [$0], indices: [$1]) }
    }
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
