internal import FledgeCore
public import FledgeData

/// A kind of sample that a stage trains on, with how it is made of rows.
public protocol StageSample: ColumnarSample {
    /// Number of tokens, of several answers those with the longest one.
    var length: Int { get }

    /// The tokens by which a sample of training is known again in evaluation.
    var identity: [Int32] { get }

    /// What a person is shown of the sample, each part with its title.
    var parts: [(title: String, sample: ProcessedSample)] { get }

    /// How the rows of a run become such samples.
    ///
    /// - Throws: ``FledgeError`` when the options do not fit together.
    static func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<Self>
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
    /// Makes samples of rows when their turn comes; `cache` is a file for what has to be known of
    /// all rows before.
    public var stream:
        (
            _ rows: DatasetStream, _ cache: () throws -> String?, _ threads: Int, RowProgress?
        ) throws -> SampleStream<Sample>
    /// Finds what is wrong with samples.
    public var check: (SampleChecks, [Sample], DataReport) -> [DataFault]
}

extension SampleRecipe {
    /// One sample of each row, nothing packed.
    init<Processor: SampleProcessor>(
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
    /// The tokens of all its samples.
    public var identity: [Int32] { samples.flatMap(\.inputIDs) }

    /// The first two samples.
    public var parts: [(title: String, sample: ProcessedSample)] {
        samples.prefix(2).map { ("", $0) }
    }

    /// Dialogues for supervised fine-tuning, or texts for pre-training.
    public static func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PackedRow> {
        configuration.finetuning.stage == .pretraining
            ? try texts(configuration, text) : try dialogues(configuration, text)
    }

    private static func dialogues(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PackedRow> {
        let options = configuration.data
        let (packs, capacity) = (configuration.packs, configuration.cutoffLength)
        let (batchSize, seed) = (options.preprocessingBatchSize, configuration.orderSeed)
        let processor = try SupervisedProcessor(
            tokenizer: text.tokenizer, template: text.template, cutoffLength: capacity,
            masksHistory: options.masksHistory, trainsOnPrompt: options.trainsOnPrompt,
            quirks: configuration.dataQuirks)
        return SampleRecipe(
            packedLength: packs ? capacity + 1 : nil, answerCount: 1,
            learnsQuestions: options.trainsOnPrompt,
            make: { rows, threads, progress in
                let data = try processor.process(rows, threads: threads, progress: progress)
                return ProcessedDataset(
                    samples: packs
                        ? Packing.rows(data.samples, capacity: capacity, batchSize: batchSize)
                        : singles(data.samples), report: data.report)
            },
            stream: { rows, cache, threads, progress in
                guard packs else { return singles(rows, processor) }
                let lengths = try StreamLengths(
                    of: rows, processor, cache: cache(), threads: threads, progress: progress)
                return SampleStream(
                    packing: rows, processor, lengths: lengths, capacity: capacity,
                    batchSize: batchSize, seed: seed)
            },
            check: { $0.faults(in: $1.flatMap(\.samples), $2) })
    }

    private static func texts(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PackedRow> {
        let options = configuration.data
        let packs = configuration.packs
        let (batchSize, seed) = (options.preprocessingBatchSize, configuration.orderSeed)
        let processor = try PretrainingProcessor(
            tokenizer: text.tokenizer, templateName: options.template,
            cutoffLength: configuration.cutoffLength, packs: packs,
            addsBeginOfText: text.addsBeginOfText,
            quirks: configuration.finetuning.referenceQuirks)
        return SampleRecipe(
            packedLength: packs ? configuration.cutoffLength : nil, answerCount: 0,
            readsTextAlone: true,
            make: { rows, threads, progress in
                let data = try processor.process(rows, threads: threads, progress: progress)
                let samples =
                    packs ? processor.blocks(data.samples, batchSize: batchSize) : data.samples
                return ProcessedDataset(samples: singles(samples), report: data.report)
            },
            stream: { rows, cache, threads, progress in
                guard packs else { return singles(rows, processor) }
                let lengths = try StreamLengths(
                    of: rows, processor, cache: cache(), threads: threads, progress: progress)
                return SampleStream(
                    blocks: rows, processor, lengths: lengths, batchSize: batchSize, seed: seed)
            },
            check: { $0.faults(in: $1.flatMap(\.samples), $2, endsAnswers: false) })
    }

    private static func singles<Processor: SampleProcessor>(
        _ rows: DatasetStream, _ processor: Processor
    ) -> SampleStream<PackedRow>
    where Processor.Row == AlignedSample, Processor.Sample == ProcessedSample {
        SampleStream(rows, processor) { PackedRow(samples: [$0], indices: [$1]) }
    }

    private static func singles(_ samples: [ProcessedSample]) -> [PackedRow] {
        samples.enumerated().map { PackedRow(samples: [$0.element], indices: [$0.offset]) }
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

    /// Pairs for reward models and preferences.
    public static func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PairwiseSample> {
        let processor = try PairwiseProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        return SampleRecipe(processor, answerCount: 2) { $0.faults(in: $1, $2) }
    }
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

    /// Marked answers.
    public static func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<FeedbackSample> {
        let batchSize = configuration.data.preprocessingBatchSize
        let processor = try FeedbackProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        return SampleRecipe(
            packedLength: nil, answerCount: 1,
            make: { rows, threads, progress in
                try processor.process(
                    processor.paired(rows, batchSize: batchSize), threads: threads,
                    progress: progress)
            },
            stream: { rows, _, _, _ in SampleStream(rows, processor) },
            check: { $0.faults(in: $1, $2) })
    }
}

extension PromptSample: StageSample {
    /// Number of tokens of the question.
    public var length: Int { promptIDs.count }

    /// The question.
    public var identity: [Int32] { promptIDs }

    /// The question.
    public var parts: [(title: String, sample: ProcessedSample)] {
        let ignored = [Int32](repeating: ProcessedSample.ignored, count: promptIDs.count)
        return [
            (
                "question",
                ProcessedSample(inputIDs: promptIDs, labels: ignored, source: source)
            )
        ]
    }

    /// Questions for reinforcement learning.
    public static func recipe(
        _ configuration: RunConfiguration, _ text: TextSide
    ) throws -> SampleRecipe<PromptSample> {
        let processor = try PromptProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        return SampleRecipe(processor, answerCount: 0) { $0.faults(in: $1, $2) }
    }
}

extension FinetuningArguments.Stage {
    /// What the stage trains on.
    public var sample: any StageSample.Type {
        switch self {
        case .pretraining, .supervised: PackedRow.self
        case .reward, .directPreference: PairwiseSample.self
        case .kahnemanTversky: FeedbackSample.self
        case .proximalPolicy: PromptSample.self
        }
    }
}
