internal import FledgeCore
public import FledgeData
internal import Logging

/// The samples of a run, made for its stage, in the order of the data before shuffling.
public struct StageData<Sample: StageSample>: Sendable {
    /// A named set for evaluation.
    public struct Evaluation: Sendable {
        /// `validation`, or `validation_<data set>` where each is evaluated by itself.
        public var name: String
        /// The samples in the order of the data.
        public var rows: [Sample]
    }

    /// The samples to train on; of streamed data those that come first.
    public var train: [Sample]
    /// The samples to train on when they are read while training.
    public var stream: SampleStream<Sample>?
    /// The samples to evaluate on.
    public var evaluations: [Evaluation]
    /// What happened to the rows to train on.
    public var report: DataReport
    /// What happened to the rows to evaluate on, where they were made for this run.
    public var evaluationReport = DataReport()
    /// What would make the run learn what was not meant.
    public var faults: [DataFault]
    /// Tokens of a packed row, with the one that the reference pads to; nil when rows are not
    /// packed.
    public var packedLength: Int?
    /// What the user should know about where the samples are from.
    public var notes: [String] = []
    /// What reading the data told, which is kept with tokenised data.
    private var loadingNotes: [String] = []
    /// How rows are written otherwise than by the model's own template, where somebody named another.
    private var templateNote: String?

    /// Loads, aligns, mixes and splits the data of a run, and makes samples of them.
    ///
    /// Tokenised data of `tokenized_path` are taken where there are some, and written there
    /// otherwise. Those of large data sets are kept in the cache, see ``TokenizedCache``.
    ///
    /// - Parameters:
    ///   - recipe: How rows become samples, as ``TrainingMethod/recipe(_:_:)`` tells.
    ///   - cache: Where tokenised data are kept; nil for nowhere.
    /// - Throws: ``FledgeError`` when a file or row is not what its description says, or when nothing
    ///   is left to train on.
    public init(
        _ configuration: RunConfiguration, _ text: TextSide, _ recipe: SampleRecipe<Sample>,
        threads: Int, cache: TokenizedCache? = TokenizedCache(), progress: RowProgress? = nil
    ) throws {
        let options = configuration.data
        if let path = options.tokenizedPath, TokenizedFolder.exists(path) {
            let signature = TokenizedSignature(configuration, text)
            try self.init(tokenized: path, configuration, text, recipe, signature, threads)
            try requireFitting(configuration)
            try Self.requireFitting(evaluationReport, "rows for evaluation", configuration)
        } else if options.streams {
            guard options.tokenizedPath == nil else {
                throw FledgeError(
                    .configuration, "Turn off `streaming` when saving dataset to disk.",
                    advice: "Or leave tokenized_path out: what is streamed is not kept.")
            }
            var note: String?
            let file = { () throws -> String? in
                guard let cache, cache.isWritable else {
                    note = cache?.blockedNote
                    return nil
                }
                return try cache.lengthsFile(
                    configuration, TokenizedSignature(configuration, text))
            }
            try self.init(streaming: configuration, text, recipe, file, threads, progress)
            notes += [note].compactMap(\.self)
        } else {
            // Digests take time, which small data are not worth.
            let isLarge = try cache?.isWorthwhile(configuration) ?? false
            let isKept = isLarge && cache?.isWritable == true
            let signature =
                isKept || options.tokenizedPath != nil
                ? TokenizedSignature(configuration, text) : nil
            let folder =
                try isKept ? signature.flatMap { try cache?.folder(configuration, $0) } : nil
            let (kept, fault) = try Self.kept(folder, configuration, text, recipe, threads)
            if let folder, let kept {
                self = kept
                cache?.touch(folder)
                Logger.fledge.debug("tokenised data found", metadata: ["folder": "\(folder)"])
            } else {
                try self.init(making: configuration, text, recipe, threads, progress)
                notes += [fault, isLarge && !isKept ? cache?.blockedNote : nil].compactMap(\.self)
                if let folder, let signature {
                    Logger.fledge.debug(
                        "tokenised data made", metadata: ["folder": "\(folder)"])
                    keep(in: folder, cache, configuration, text, signature)
                }
            }
            if let path = options.tokenizedPath, let signature {
                try save(to: path, configuration, text, signature)
                notes.append("The tokenised data are in \(path).")
            }
        }
        try requireSamples(configuration)
    }

    /// The samples of a folder of the cache, if they can be taken, and what is wrong with it.
    private static func kept(
        _ folder: String?, _ configuration: RunConfiguration, _ text: TextSide,
        _ recipe: SampleRecipe<Sample>, _ threads: Int
    ) throws -> (data: Self?, fault: String?) {
        guard let folder, !configuration.data.overwritesCache, TokenizedFolder.exists(folder)
        else { return (nil, nil) }
        do {
            var data = try Self(tokenized: folder, configuration, text, recipe, nil, threads)
            // Whoever does not allow for dropped rows gets the error of the first one.
            let dropped = data.report.dropped + data.evaluationReport.dropped
            guard dropped.isEmpty || configuration.datasetOptions.dropsInvalidRows
            else { return (nil, nil) }
            data.notes = ["The tokenised data are those of \(folder)."] + data.loadingNotes
            return (data, nil)
        } catch let error as FledgeError {
            return (nil, "The cache is made anew: \(error.message)")
        }
    }

    /// Keeps the samples in a folder of the cache; a run goes on without.
    private mutating func keep(
        in folder: String, _ cache: TokenizedCache?, _ configuration: RunConfiguration,
        _ text: TextSide, _ signature: TokenizedSignature
    ) {
        do {
            try save(to: folder, configuration, text, signature)
            try cache?.prune(keeping: folder)
        } catch {
            notes.append("The tokenised data are not kept: \(error)")
        }
    }

    /// Loads all rows and makes samples of them.
    private init(
        making configuration: RunConfiguration, _ text: TextSide, _ recipe: SampleRecipe<Sample>,
        _ threads: Int, _ progress: RowProgress?
    ) throws {
        let loaded = try DatasetLoader(configuration.datasetOptions).load()
        let made = try recipe.make(loaded.train, threads, progress)
        self.init(recipe, train: made.samples, report: made.report)
        try requireFitting(configuration)
        try evaluate(loaded.evaluations, configuration, recipe, threads)
        (faults, notes, loadingNotes) = (loaded.faults, loaded.notes, loaded.notes)
        check(recipe, text, rows: loaded.train, loaded.evaluations.flatMap(\.samples))
    }

    /// Makes samples of the rows for evaluation.
    private mutating func evaluate(
        _ sets: [LoadedDatasets.Evaluation], _ configuration: RunConfiguration,
        _ recipe: SampleRecipe<Sample>, _ threads: Int
    ) throws {
        evaluations = try sets.map { set in
            let made = try (recipe.makeEvaluation ?? recipe.make)(set.samples, threads, nil)
            evaluationReport.append(made.report)
            return Evaluation(name: set.name, rows: made.samples)
        }
        try Self.requireFitting(evaluationReport, "rows for evaluation", configuration)
    }

    /// So many samples of streamed data are looked at before training, for lengths and mistakes.
    private static var streamedSampleCount: Int { 1000 }

    /// Opens data that are read while training, and makes the first samples of them.
    private init(
        streaming configuration: RunConfiguration, _ text: TextSide,
        _ recipe: SampleRecipe<Sample>, _ file: () throws -> String?, _ threads: Int,
        _ progress: RowProgress?
    ) throws {
        let rows = try configuration.datasetStream()
        let stream = try recipe.stream(rows, file, threads, progress)
        var (first, report) = ([Sample](), DataReport())
        for place in 0..<min(stream.count, Self.streamedSampleCount) {
            guard let sample = try stream.sample(epoch: 0, place: place, &report) else { continue }
            first.append(sample)
        }
        self.init(recipe, train: first, report: stream.report ?? report)
        self.stream = stream
        var options = configuration.datasetOptions
        options.names = []
        options.validationSize = 0
        let loaded = try DatasetLoader(options).load()
        var evaluated = loaded.evaluations
        if rows.heldCount > 0 {
            let held = try (0..<rows.heldCount).map(rows.heldSample)
            evaluated = [.init(name: "validation", samples: held)]
        }
        try evaluate(evaluated, configuration, recipe, threads)
        (faults, notes) = (rows.faults() + loaded.faults, rows.notes + loaded.notes)
        let texts = try (0..<min(rows.count, Self.streamedSampleCount)).map {
            try rows.sample(epoch: 0, place: $0)
        }
        check(recipe, text, rows: texts, evaluated.flatMap(\.samples))
    }

    /// Takes tokenised data.
    ///
    /// - Parameter signature: What the data were asked to be made of; nil where they are known to be.
    private init(
        tokenized path: String, _ configuration: RunConfiguration, _ text: TextSide,
        _ recipe: SampleRecipe<Sample>, _ signature: TokenizedSignature?, _ threads: Int
    ) throws {
        let folder = try TokenizedFolder(path: path)
        let differences = try signature?.differences(from: folder) ?? []
        let form = configuration.sampleForm(text, packedLength: nil)
        func samples(_ split: String) throws -> [Sample] {
            try folder.samples(split, of: Sample.self, form, threads: threads)
        }
        let train = folder.splits.contains("train") ? try samples("train") : []
        var report = DataReport()
        if let kept = folder.notes {
            report = DataReport(json: kept["report"] ?? .null)
        } else {
            report.rowCount = train.count
            for part in train.flatMap(\.parts) { report.count(part.sample) }
        }
        self.init(recipe, train: train, report: report)
        notes = differences
        evaluations = try folder.splits.filter { $0 != "train" }.map {
            Evaluation(name: $0, rows: try samples($0))
        }
        if let kept = folder.notes {
            packedLength = kept["packed_length"]?.intValue
            templateNote = kept["template_note"]?.stringValue
            evaluationReport =
                kept["evaluation_report"].map { DataReport(json: $0) } ?? DataReport()
            loadingNotes = (kept["loading_notes"]?.arrayValue ?? []).compactMap(\.stringValue)
            notes += loadingNotes
            faults = (kept["faults"]?.arrayValue ?? []).compactMap { DataFault(json: $0) }
        } else {
            packedLength =
                train.contains { $0.places.count > 1 }
                ? try folder.rowLength(of: "train") : nil
            check(recipe, text, rows: [], [])
        }
    }

    private init(_ recipe: SampleRecipe<Sample>, train: [Sample], report: DataReport) {
        (self.train, self.report, packedLength) = (train, report, recipe.packedLength)
        (evaluations, faults) = ([], [])
    }

    /// Adds what is wrong with the samples and the rows that they are made of.
    private mutating func check(
        _ recipe: SampleRecipe<Sample>, _ text: TextSide, rows: [AlignedSample],
        _ evaluated: [AlignedSample]
    ) {
        faults += RowChecks(
            template: text.template, answerCount: recipe.answerCount,
            readsTextAlone: recipe.readsTextAlone, learnsQuestions: recipe.learnsQuestions
        ).faults(in: rows, evaluation: evaluated)
        compare(rows + evaluated, text)
        faults += recipe.check(
            SampleChecks(tokenizer: text.tokenizer, template: text.template), train, report)
        faults += SampleChecks.faults(ofEvaluation: evaluationReport)
        let overlap = SampleChecks.overlap(
            training: train.map(\.identity),
            evaluation: evaluations.flatMap(\.rows).map(\.identity))
        if let overlap { faults.append(overlap) }
    }

    /// Compares how rows are written with the model's own template.
    private mutating func compare(_ rows: [AlignedSample], _ text: TextSide) {
        let found = text.templateChecks?.findings(in: rows) ?? []
        for finding in found where finding.isUnknown {
            faults.append(
                DataFault(
                    .unknownToOwnTemplate, finding.message,
                    advice:
                        "Set template: model, which writes rows as the model's own template does, or "
                        + "leave out what that one does not know.", places: [finding.source]))
        }
        let findings = found.filter { !$0.isUnknown }
        guard let first = findings.first else { return }
        if text.isDerived {
            faults.append(
                DataFault(
                    .unlikeOwnTemplate, first.message,
                    advice:
                        "Set template: model, which writes rows as the model's own template does, "
                        + "or name the model's template.", places: findings.map(\.source)))
        } else if let wrong = findings.first(where: { !$0.isDefaultSystem }) {
            templateNote =
                "Warning: \(wrong.source): \(wrong.message) fledge verify-template shows more."
        } else {
            templateNote =
                "Dialogues without a system text get that of the template \(text.template.name), which is not the model's own one (fledge verify-template shows both)."
        }
    }

    /// Throws for the first row that does not fit, unless such rows may be dropped.
    private func requireFitting(_ configuration: RunConfiguration) throws {
        try Self.requireFitting(report, "rows", configuration)
    }

    private static func requireFitting(
        _ report: DataReport, _ rows: String, _ configuration: RunConfiguration
    ) throws {
        guard let first = report.dropped.first, !configuration.datasetOptions.dropsInvalidRows
        else { return }
        throw FledgeError(
            .data,
            "\(report.dropped.count) of \(report.rowCount) \(rows) do not fit, the first one: \(first.reason).",
            advice: first.remedy("Correct them"), at: first.source)
    }

    private func requireSamples(_ configuration: RunConfiguration) throws {
        let names = configuration.data.datasets
        guard train.isEmpty, !names.isEmpty else { return }
        guard report.rowCount > 0 else {
            throw FledgeError(
                .data, "There are no rows in \(names.listed), expected at least one to train on.",
                advice: "See whether the files are whole, and whether split, num_samples and "
                    + "max_samples leave anything.")
        }
        throw FledgeError(
            .data,
            configuration.method.rows.isText
                ? "Cannot find sufficient samples: \(report.rowCount) rows make none."
                : "Cannot find valid samples: all \(report.rowCount) rows were dropped.",
            advice: report.dropped.first.map { "The first at \($0.source): \($0.reason)." } ?? "")
    }

    /// Keeps the samples in a folder.
    private func save(
        to path: String, _ configuration: RunConfiguration, _ text: TextSide,
        _ signature: TokenizedSignature
    ) throws {
        let form = configuration.sampleForm(text, packedLength: packedLength)
        let writer = try TokenizedFolderWriter(path: path)
        if !train.isEmpty { try writer.write(train, split: "train", form) }
        for set in evaluations { try writer.write(set.rows, split: set.name, form) }
        var notes = signature.json
        notes["report"] = report.json
        notes["evaluation_report"] = evaluationReport.json
        notes["loading_notes"] = .array(loadingNotes.map { .string($0) })
        if path == configuration.data.tokenizedPath {
            // What resuming compares, where the data sets are no longer read.
            let digests = try RunDigests.files(of: configuration).sorted { $0.key < $1.key }
            notes["data"] = .object(digests.map { .init($0.key, .string($0.value)) })
        }
        notes["faults"] = .array(faults.map(\.json))
        notes["template_note"] = templateNote.map { .string($0) }
        notes["packed_length"] = packedLength.map { .integer($0) } ?? .null
        try writer.commit(notes)
    }

    /// What happened to the rows, as sentences for the user.
    public var summary: [String] {
        let extent =
            stream.map {
                "\($0.count) samples are streamed; " + ($0.report == nil ? "of the first " : "")
            } ?? ""
        var lines = notes + [templateNote].compactMap(\.self)
        lines.append(
            extent
                + "\(report.rowCount) rows, \(report.tokenCount) tokens, \(report.supervisedCount) of them learned"
                + (packedLength == nil ? "." : ", packed into \(stream?.count ?? train.count)."))
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
        if let first = evaluationReport.dropped.first {
            lines.append(
                "\(evaluationReport.dropped.count) rows for evaluation are dropped, the first at \(first.source): \(first.reason)."
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
