public import FledgeCore
public import FledgeData

/// The samples of a supervised run, tokenised, and packed where asked.
public struct SupervisedData: Sendable {
    /// A named set for evaluation.
    public struct Evaluation: Sendable {
        /// `validation`, or `validation_<data set>` where each is evaluated by itself.
        public var name: String
        /// The rows in the order of the data.
        public var rows: [PackedRow]
    }

    /// The rows to train on, in the order of the data: one sample each, or several when packed. Of
    /// streamed data those that come first.
    public var train: [PackedRow]
    /// The rows to train on when they are read while training.
    package var stream: (rows: DatasetStream, processor: SupervisedProcessor)?
    /// The rows to evaluate on.
    public var evaluations: [Evaluation]
    /// What happened to the rows to train on.
    public var report: DataReport
    /// Tokens of a packed row; nil when rows are not packed.
    public var packedLength: Int?

    /// Loads, aligns, mixes, splits, tokenises and packs.
    ///
    /// - Parameter progress: Called now and then, from any thread, with rows done and all rows.
    /// - Throws: ``FledgeError`` when a file or row is not what its description says.
    public init(
        _ configuration: RunConfiguration, _ text: TextSide, threads: Int,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws {
        let quirks = configuration.finetuning.referenceQuirks
        let options = configuration.data
        let packs = options.packing ?? false
        let capacity = options.cutoffLength - (packs && quirks.contains(.cutoffMinusOne) ? 1 : 0)
        let processor = try SupervisedProcessor(
            tokenizer: text.tokenizer, template: text.template, cutoffLength: capacity,
            masksHistory: options.masksHistory, trainsOnPrompt: options.trainsOnPrompt,
            quirks: quirks.subtracting(.contentSpecials))
        func rows(_ samples: [AlignedSample]) throws -> (rows: [PackedRow], report: DataReport) {
            let data = try processor.process(samples, threads: threads, progress: progress)
            try Self.requireAllowed(data.report, configuration)
            guard packs else {
                let rows = data.samples.enumerated().map {
                    PackedRow(samples: [$0.element], indices: [$0.offset])
                }
                return (rows, data.report)
            }
            return (
                Packing.rows(
                    data.samples, capacity: capacity, batchSize: options.preprocessingBatchSize),
                data.report
            )
        }
        var loading = Self.options(configuration)
        loading.threads = threads
        if options.streams {
            let streamed = try DatasetStream(
                loading, orderSeed: configuration.training.dataSeed,
                shuffles: !configuration.finetuning.disablesShuffling)
            stream = (streamed, processor)
            (train, report) = try rows(
                (0..<min(streamed.count, Self.streamedSampleCount)).map {
                    try streamed.sample(epoch: 0, place: $0)
                })
            // Evaluation sets are small, and read whole.
            loading.names = []
            loading.validationSize = 0
            evaluations = try DatasetLoader(loading).load().evaluations.map {
                Evaluation(name: $0.name, rows: try rows($0.samples).rows)
            }
            if streamed.heldCount > 0 {
                let held = try (0..<streamed.heldCount).map(streamed.heldSample)
                evaluations = [Evaluation(name: "validation", rows: try rows(held).rows)]
            }
        } else {
            let loaded = try DatasetLoader(loading).load()
            (train, report) = try rows(loaded.train)
            evaluations = try loaded.evaluations.map {
                Evaluation(name: $0.name, rows: try rows($0.samples).rows)
            }
        }
        packedLength = packs ? capacity + 1 : nil
        if train.isEmpty, !options.datasets.isEmpty {
            throw FledgeError(
                .data, "Cannot find valid samples: all \(report.rowCount) rows were dropped.",
                advice: report.dropped.first.map { "The first at \($0.source): \($0.reason)." }
                    ?? "")
        }
    }

    /// So many rows of streamed data are looked at before training, for lengths and mistakes.
    private static let streamedSampleCount = 1000

    /// Throws for rows that would be dropped without having been allowed to be.
    private static func requireAllowed(
        _ report: DataReport, _ configuration: RunConfiguration
    ) throws {
        guard let first = report.dropped.first, !configuration.data.dropsInvalidRows else { return }
        throw FledgeError(
            .data,
            "\(report.dropped.count) of \(report.rowCount) rows do not fit, the first one: "
                + "\(first.reason).",
            advice: "Correct them, or set drop_invalid_rows: true to train without them.",
            at: first.source)
    }

    private static func options(_ configuration: RunConfiguration) -> DatasetOptions {
        let data = configuration.data
        var options = DatasetOptions()
        options.folder = data.datasetFolder
        options.names = data.datasets
        options.evaluationNames = data.evaluationDatasets
        options.sampleLimit = data.maxSamples
        options.mix = DatasetMix(rawValue: data.mixStrategy.rawValue) ?? .concat
        options.probabilities = data.interleaveProbabilities
        options.validationSize = data.validationSize
        options.seed = configuration.training.seed
        options.evaluatesEach = data.evaluatesEachDataset
        options.dropsInvalidRows = data.dropsInvalidRows
        if data.streams { options.cacheFolder = CacheFolder.path() + "/rows" }
        return options
    }

    /// What happened to the rows, as sentences for the user.
    public var summary: [String] {
        let extent =
            stream.map { "\($0.rows.count) rows are streamed; of the first " } ?? ""
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
        if !report.controlStrings.isEmpty {
            lines.append(
                "\(report.controlStrings.count) rows hold control strings such as <|im_end|> in their text: \(list(report.controlStrings))."
            )
        }
        return lines
    }
}

extension Epochs where Sample == PackedRow, Batch == TokenBatch {
    /// The micro-batches of rows for supervised fine-tuning; a batch of rows is one flat run.
    ///
    /// - Parameters:
    ///   - mergingUpTo: The most tokens that small micro-batches of an optimizer step are put
    ///     together to; nil leaves them apart.
    ///   - sharesPrefixes: Whether what samples of a batch begin with is computed once; not for
    ///     models with dropout.
    public init(
        rows: [PackedRow], batchSize: Int, seed: UInt64 = 42, shuffles: Bool = true,
        dropsLast: Bool = false, quirks: ReferenceQuirks = [], mergingUpTo limit: Int? = nil,
        sharesPrefixes: Bool = false
    ) {
        self.init(
            rows, batchSize: batchSize, seed: seed, shuffles: shuffles, dropsLast: dropsLast,
            merging: limit.map { limit in
                Merging(limit: limit) { row in row.samples.reduce(0) { $0 + $1.inputIDs.count } }
            }
        ) { picked, epoch in
            SupervisedCollator(quirks: quirks, sharesPrefixes: sharesPrefixes).batch(
                picked.flatMap(\.sample.samples), indices: picked.flatMap(\.sample.indices),
                epoch: epoch)
        }
    }
}
