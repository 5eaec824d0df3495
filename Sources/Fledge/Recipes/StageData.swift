internal import FledgeCore
public import FledgeData

/// The samples of a run, made for its stage, in the order of the data before shuffling.
public struct StageData<Sample: Sendable>: Sendable {
    /// A named set for evaluation.
    public struct Evaluation: Sendable {
        /// `validation`, or `validation_<data set>` where each is evaluated by itself.
        public var name: String
        /// The samples in the order of the data.
        public var rows: [Sample]
    }

    /// Called now and then, from any thread, with rows done and all rows.
    public typealias Progress = @Sendable (_ done: Int, _ total: Int) -> Void

    /// The samples to train on; of streamed data those that come first.
    public var train: [Sample]
    /// The rows to train on when they are read while training.
    package var stream: (rows: DatasetStream, processor: SupervisedProcessor)?
    /// The samples to evaluate on.
    public var evaluations: [Evaluation]
    /// What happened to the rows to train on.
    public var report: DataReport
    /// What would make the run learn what was not meant.
    public var faults: [DataFault]
    /// Tokens of a packed row, with the one that the reference pads to; nil when rows are not
    /// packed.
    public var packedLength: Int?

    /// Loads, aligns, mixes and splits the data of a run, and makes samples of them.
    ///
    /// - Throws: ``FledgeError`` when a file or row is not what its description says, or when nothing
    ///   is left to train on.
    fileprivate init(
        _ configuration: RunConfiguration, _ text: TextSide, packedLength: Int? = nil,
        loaded: LoadedDatasets? = nil, answers: Int, ids: (Sample) -> [Int32],
        check: (SampleChecks, [Sample], DataReport) -> [DataFault],
        _ make: ([AlignedSample]) throws -> ProcessedDataset<Sample>
    ) throws {
        let options = configuration.datasetOptions
        let loaded = try loaded ?? DatasetLoader(options).load()
        let made = try make(loaded.train)
        if let first = made.report.dropped.first, !options.dropsInvalidRows {
            throw FledgeError(
                .data,
                "\(made.report.dropped.count) of \(made.report.rowCount) rows do not fit, the first one: \(first.reason).",
                advice: "Correct them, or set drop_invalid_rows: true to go on without them.",
                at: first.source)
        }
        (train, report) = (made.samples, made.report)
        let texts = loaded.train + loaded.evaluations.flatMap(\.samples)
        faults =
            loaded.faults
            + RowChecks(template: text.template, answerCount: answers).faults(in: texts)
            + check(
                SampleChecks(tokenizer: text.tokenizer, template: text.template), train, report)
        evaluations = try loaded.evaluations.map {
            Evaluation(name: $0.name, rows: try make($0.samples).samples)
        }
        self.packedLength = packedLength
        let evaluated = evaluations.flatMap(\.rows).map(ids)
        if let overlap = SampleChecks.overlap(training: train.map(ids), evaluation: evaluated) {
            faults.append(overlap)
        }
        if train.isEmpty, !configuration.data.datasets.isEmpty {
            throw FledgeError(
                .data,
                configuration.finetuning.stage == .pretraining
                    ? "Cannot find sufficient samples: \(report.rowCount) rows make none."
                    : "Cannot find valid samples: all \(report.rowCount) rows were dropped.",
                advice: report.dropped.first.map { "The first at \($0.source): \($0.reason)." }
                    ?? "")
        }
    }

    /// What happened to the rows, as sentences for the user.
    public var summary: [String] {
        let extent = stream.map { "\($0.rows.count) rows are streamed; of the first " } ?? ""
        var lines = [
            extent
                + "\(report.rowCount) rows, \(report.tokenCount) tokens, \(report.supervisedCount) of them learned"
                + (packedLength == nil ? "." : ", packed into \(train.count).")
        ]
        func list(_ places: [FledgeError.Location]) -> String {
            places.prefix(3).map(\.description).joined(separator: ", ")
                + (places.count > 3 ? ", …" : "")
        }
        if !report.dropped.isEmpty {
            let first = report.dropped[0]
            lines.append(
                "\(report.dropped.count) rows are dropped, the first at \(first.source): \(first.reason)."
            )
        }
        if !report.truncated.isEmpty {
            lines.append(
                "\(report.truncated.count) rows are cut at cutoff_len: \(list(report.truncated)).")
        }
        if !report.unsupervised.isEmpty {
            lines.append(
                "\(report.unsupervised.count) rows have nothing to learn: \(list(report.unsupervised))."
            )
        }
        if !report.equalAnswers.isEmpty {
            lines.append(
                "\(report.equalAnswers.count) rows prefer an answer to the same answer: \(list(report.equalAnswers))."
            )
        }
        if !report.controlStrings.isEmpty {
            lines.append(
                "\(report.controlStrings.count) rows hold control strings such as <|im_end|> in their text: \(list(report.controlStrings))."
            )
        }
        return lines
    }
}

/// Rows for supervised fine-tuning, one sample each, or several when packed.
public typealias SupervisedData = StageData<PackedRow>

extension StageData where Sample == PackedRow {
    /// Makes the rows of a supervised run.
    ///
    /// - Throws: ``FledgeError`` when a file or row is not what its description says.
    public init(
        _ configuration: RunConfiguration, _ text: TextSide, threads: Int,
        progress: Progress? = nil
    ) throws {
        let options = configuration.data
        let packs = options.packing ?? false
        let capacity = configuration.cutoffLength
        let processor = try SupervisedProcessor(
            tokenizer: text.tokenizer, template: text.template, cutoffLength: capacity,
            masksHistory: options.masksHistory, trainsOnPrompt: options.trainsOnPrompt,
            quirks: configuration.dataQuirks)
        let stream = try options.streams ? configuration.datasetStream() : nil
        try self.init(
            configuration, text, packedLength: packs ? capacity + 1 : nil,
            loaded: try stream.map(configuration.firstRows), answers: 1,
            ids: { $0.samples.flatMap(\.inputIDs) },
            check: { checks, rows, report in
                checks.faults(in: rows.flatMap(\.samples), report)
            }
        ) { rows in
            let data = try processor.process(rows, threads: threads, progress: progress)
            return ProcessedDataset(
                samples: packs
                    ? Packing.rows(
                        data.samples, capacity: capacity, batchSize: options.preprocessingBatchSize)
                    : data.samples.enumerated().map {
                        PackedRow(samples: [$0.element], indices: [$0.offset])
                    }, report: data.report)
        }
        self.stream = stream.map { ($0, processor) }
    }
}

extension StageData where Sample == ProcessedSample {
    /// Makes the texts of a pre-training run, or the blocks that they are packed into.
    ///
    /// - Throws: ``FledgeError`` when a file or row is not what its description says.
    public init(
        pretraining configuration: RunConfiguration, _ text: TextSide, threads: Int,
        progress: Progress? = nil
    ) throws {
        let options = configuration.data
        let packs = options.packing ?? true
        let processor = try PretrainingProcessor(
            tokenizer: text.tokenizer, templateName: options.template,
            cutoffLength: configuration.cutoffLength, packs: packs,
            addsBeginOfText: text.addsBeginOfText,
            quirks: configuration.finetuning.referenceQuirks)
        try self.init(
            configuration, text, packedLength: packs ? configuration.cutoffLength : nil,
            answers: 0, ids: \.inputIDs,
            check: { $0.faults(in: $1, $2, endsAnswers: false) }
        ) {
            var data = try processor.process($0, threads: threads, progress: progress)
            if packs {
                data.samples = processor.blocks(
                    data.samples, batchSize: options.preprocessingBatchSize)
            }
            return data
        }
    }
}

extension StageData where Sample == PairwiseSample {
    /// Makes the pairs of a reward or preference run.
    ///
    /// - Throws: ``FledgeError`` when a file or row is not what its description says.
    public init(
        pairs configuration: RunConfiguration, _ text: TextSide, threads: Int,
        progress: Progress? = nil
    ) throws {
        let processor = try PairwiseProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        try self.init(
            configuration, text, answers: 2, ids: \.chosen.inputIDs,
            check: { $0.faults(in: $1, $2) }
        ) {
            try processor.process($0, threads: threads, progress: progress)
        }
    }
}

extension StageData where Sample == FeedbackSample {
    /// Makes the samples of a run that learns from marked answers.
    ///
    /// - Throws: ``FledgeError`` when a file or row is not what its description says.
    public init(
        feedback configuration: RunConfiguration, _ text: TextSide, threads: Int,
        progress: Progress? = nil
    ) throws {
        let processor = try FeedbackProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        try self.init(
            configuration, text, answers: 1, ids: \.target.inputIDs,
            check: { $0.faults(in: $1, $2) }
        ) {
            try processor.process(
                processor.paired($0, batchSize: configuration.data.preprocessingBatchSize),
                threads: threads, progress: progress)
        }
    }
}

extension StageData where Sample == PromptSample {
    /// Makes the questions of a reinforcement run.
    ///
    /// - Throws: ``FledgeError`` when a file or row is not what its description says.
    public init(
        prompts configuration: RunConfiguration, _ text: TextSide, threads: Int,
        progress: Progress? = nil
    ) throws {
        let processor = try PromptProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        try self.init(
            configuration, text, answers: 0, ids: \.promptIDs, check: { $0.faults(in: $1, $2) }
        ) {
            try processor.process($0, threads: threads, progress: progress)
        }
    }
}

extension RunConfiguration {
    /// The most tokens of a sample.
    fileprivate var cutoffLength: Int {
        let isShorter =
            data.packing == true && finetuning.referenceQuirks.contains(.cutoffMinusOne)
        return data.cutoffLength - (isShorter ? 1 : 0)
    }

    /// The quirks of processors; control strings are the template's, see ``TextSide``.
    fileprivate var dataQuirks: ReferenceQuirks {
        finetuning.referenceQuirks.subtracting(.contentSpecials)
    }

    fileprivate var datasetOptions: DatasetOptions {
        var options = DatasetOptions()
        options.folder = data.datasetFolder
        options.names = data.datasets
        options.evaluationNames = data.evaluationDatasets
        options.sampleLimit = data.maxSamples
        options.mix = DatasetMix(rawValue: data.mixStrategy.rawValue) ?? .concat
        options.probabilities = data.interleaveProbabilities
        options.validationSize = data.validationSize
        options.seed = training.seed
        options.evaluatesEach = data.evaluatesEachDataset
        // The reference leaves rows out without asking.
        options.dropsInvalidRows = data.dropsInvalidRows || finetuning.referenceQuirks == .all
        options.threads = Kernels.threads
        if data.streams { options.cacheFolder = CacheFolder.path() + "/rows" }
        options.usesRanking = [.reward, .directPreference].contains(finetuning.stage)
        options.quirks = finetuning.referenceQuirks
        return options
    }

    /// So many rows of streamed data are looked at before training, for lengths and mistakes.
    private static let streamedSampleCount = 1000

    fileprivate func datasetStream() throws -> DatasetStream {
        try DatasetStream(
            datasetOptions, orderSeed: training.dataSeed,
            shuffles: !finetuning.disablesShuffling)
    }

    /// The rows that a stream begins with, and all rows for evaluation.
    fileprivate func firstRows(of stream: DatasetStream) throws -> LoadedDatasets {
        var options = datasetOptions
        options.names = []
        options.validationSize = 0
        var loaded = try DatasetLoader(options).load()
        loaded.train = try (0..<min(stream.count, Self.streamedSampleCount)).map {
            try stream.sample(epoch: 0, place: $0)
        }
        if stream.heldCount > 0 {
            let held = try (0..<stream.heldCount).map(stream.heldSample)
            loaded.evaluations = [.init(name: "validation", samples: held)]
        }
        return loaded
    }
}
