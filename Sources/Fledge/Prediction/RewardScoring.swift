public import FledgeCore
public import FledgeData
internal import FledgeModel
internal import FledgeTensor
internal import FledgeTrain

/// The scores that a reward model gives the rows of data sets, as `fledge score` writes them.
public struct RewardScoring {
    private let configuration: RunConfiguration
    private let announce: (String) -> Void
    private let progress: RowProgress?

    /// Creates a scoring of the data sets of a configuration: those of `dataset`, or of `eval_dataset`
    /// where there are none.
    ///
    /// - Parameters:
    ///   - announce: Receives a line for everything that is about to be done.
    ///   - progress: Hears of rows that are tokenised.
    public init(
        _ configuration: RunConfiguration, announce: @escaping (String) -> Void = { _ in },
        progress: RowProgress? = nil
    ) {
        (self.configuration, self.announce, self.progress) = (configuration, announce, progress)
    }

    /// Gives the scores of each row to `write`, in the order of the data: `{"chosen": x, "rejected": y}`
    /// for a pair, `{"score": x}` for a row with one answer.
    ///
    /// - Throws: ``FledgeError`` when there is no value head or no row, or something does not fit; what
    ///   `write` throws.
    public func run(_ write: (JSONValue) throws -> Void) throws {
        let names =
            configuration.data.datasets.isEmpty
            ? configuration.data.evaluationDatasets : configuration.data.datasets
        guard !names.isEmpty else {
            throw FledgeError(
                .configuration, "There is nothing to score: no dataset is named.",
                advice: "Set dataset.")
        }
        for note in configuration.notes { announce(note) }
        let text = try TextSide(configuration)
        for note in text.notes { announce(note) }
        let rows = try names.map { try samples($0, text) }
        let side = try ModelSide(inference: configuration)
        for note in side.checkpoint.notes { announce(note) }
        try text.requireFits(side.model)
        let folder = try configuration.valueHeadFolder()
        let scorer = try RewardScorer(side.model, headFolder: folder)
        announce("The value head is that of \(folder).")
        let size = configuration.training.evaluationBatchSize
        for (name, rows) in zip(names, rows) {
            announce("Scoring \(name): \(rows.count) rows.")
            for begin in stride(from: 0, to: rows.count, by: size) {
                let part = rows[begin..<min(begin + size, rows.count)]
                try self.write(part, scorer, write)
            }
        }
    }

    /// What is scored of a row: an answer, or both of a pair.
    private typealias Row = [(name: String, sample: ProcessedSample)]

    private func write(
        _ rows: ArraySlice<Row>, _ scorer: RewardScorer, _ write: (JSONValue) throws -> Void
    ) throws {
        let answers = rows.flatMap { $0 }.filter { !$0.sample.inputIDs.isEmpty }
        var scores = try scorer.scores(of: answers.map(\.sample))[...]
        for row in rows {
            try write(
                .object(
                    row.map { name, sample in
                        let score = sample.inputIDs.isEmpty ? nil : scores.popFirst()
                        return .init(name, score.map { .number($0) } ?? .null)
                    }))
        }
    }

    /// The rows of a data set, whichever kind it is of.
    private func samples(_ name: String, _ text: TextSide) throws -> [Row] {
        var options = configuration.datasetOptions
        (options.names, options.evaluationNames) = ([name], [])
        (options.validationSize, options.evaluatesEach) = (0, false)
        (options.mix, options.probabilities) = (.concat, nil)
        options.usesRanking = try options.isRanking(name)
        let loaded = try DatasetLoader(options).load()
        for note in loaded.notes { announce(note) }
        guard options.usesRanking else {
            let processor = try PromptProcessor(
                tokenizer: text.tokenizer, template: text.template,
                cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
            return try made(loaded.train.map(\.withOneAnswer), processor).map { sample in
                let ids = sample.promptIDs + sample.responseIDs
                return [
                    (
                        "score",
                        ProcessedSample(inputIDs: ids, labels: ids, source: sample.source)
                    )
                ]
            }
        }
        let processor = try PairwiseProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.cutoffLength, quirks: configuration.dataQuirks)
        return try made(loaded.train, processor).map {
            [("chosen", $0.chosen), ("rejected", $0.rejected)]
        }
    }

    private func made<Processor: SampleProcessor>(
        _ rows: [AlignedSample], _ processor: Processor
    ) throws -> [Processor.Sample] where Processor.Row == AlignedSample {
        let made = try processor.process(rows, threads: Kernels.threads, progress: progress)
        if let first = made.report.dropped.first {
            guard configuration.datasetOptions.dropsInvalidRows else {
                throw FledgeError(
                    .data,
                    "\(made.report.dropped.count) of \(made.report.rowCount) rows do not fit, the first one: \(first.reason).",
                    advice: first.remedy("Correct them"), at: first.source)
            }
            announce(
                "\(made.report.dropped.count) rows are left out, the first at \(first.source): \(first.reason)."
            )
        }
        guard !made.samples.isEmpty else {
            throw FledgeError(.data, "There are no rows to score.")
        }
        if let first = made.report.truncated.first {
            announce(
                "\(made.report.truncated.count) rows are cut at cutoff_len, the first at \(first).")
        }
        return made.samples
    }
}

extension AlignedSample {
    /// The row with the answer that is marked good or bad as its only one.
    fileprivate var withOneAnswer: AlignedSample {
        guard let isDesirable, response.count == 2 else { return self }
        var row = self
        row.response = [response[isDesirable ? 0 : 1]]
        return row
    }
}

extension RunConfiguration {
    /// Where a reward model's head is looked for, as the reference does: beside the last adapter, or the
    /// model.
    ///
    /// - Throws: ``FledgeError`` when no model is named.
    func valueHeadFolder() throws -> String { try adapterFolders.last ?? requiredModelPath() }
}
