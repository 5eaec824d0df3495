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
        public var rows: LoadedSamples<Sample>
    }

    /// The samples to train on, in the orders of epochs.
    public private(set) var train: any SampleSource<Sample>
    /// Those that are in memory: all of loaded data, of streamed data the ones that come first.
    public private(set) var known: LoadedSamples<Sample>
    /// Whether samples are made while training.
    public private(set) var isStreamed = false
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
    var templateNote: String?

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
            // Tables have no room for whole rows.
            let isLarge =
                try !configuration.judgesByRows && cache?.isWorthwhile(configuration) ?? false
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
        let made = try recipe.arrangement.loaded(
            loaded.train, threads: threads, progress: progress)
        self.init(recipe, made.ordered(seed: configuration.orderSeed))
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
            let arrangement = recipe.evaluationArrangement ?? recipe.arrangement
            let made = try arrangement.loaded(set.samples, threads: threads)
            if let report = made.report { evaluationReport.append(report) }
            return Evaluation(name: set.name, rows: made)
        }
        try Self.requireFitting(evaluationReport, "rows for evaluation", configuration)
    }

    /// So many samples of streamed data are looked at before training, for lengths and mistakes.
    private static var streamedSampleCount: Int { 1000 }

    /// Opens data that are read while training, and makes the first samples of them.
    private init(
        streaming configuration: RunConfiguration, _ text: TextSide,
        _ recipe: SampleRecipe<Sample>, _ file: @escaping () throws -> String?, _ threads: Int,
        _ progress: RowProgress?
    ) throws {
        let rows = try configuration.datasetStream()
        let stream = try recipe.arrangement.samples(
            of: RowSet(
                streaming: rows, seed: configuration.orderSeed, threads: threads,
                progress: progress, lengthsFile: file))
        var (first, report) = ([Sample](), DataReport())
        for place in 0..<min(stream.count, Self.streamedSampleCount) {
            guard let sample = try stream.sample(epoch: 0, place: place, &report) else { continue }
            first.append(sample)
        }
        self.init(
            recipe,
            LoadedSamples(
                first, seed: configuration.orderSeed, report: stream.report ?? report))
        (train, isStreamed) = (stream, true)
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
        self.init(
            recipe, LoadedSamples(train, seed: configuration.orderSeed, report: report))
        notes = differences
        evaluations = try folder.splits.filter { $0 != "train" }.map {
            Evaluation(name: $0, rows: LoadedSamples(try samples($0)))
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

    private init(_ recipe: SampleRecipe<Sample>, _ samples: LoadedSamples<Sample>) {
        (train, known, packedLength) = (samples, samples, recipe.packedLength)
        (report, evaluations, faults) = (samples.report ?? DataReport(), [], [])
    }

    /// Keeps the samples in a folder.
    private func save(
        to path: String, _ configuration: RunConfiguration, _ text: TextSide,
        _ signature: TokenizedSignature
    ) throws {
        let form = configuration.sampleForm(text, packedLength: packedLength)
        let writer = try TokenizedFolderWriter(path: path)
        if !known.isEmpty { try writer.write(Array(known), split: "train", form) }
        for set in evaluations { try writer.write(Array(set.rows), split: set.name, form) }
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
}
