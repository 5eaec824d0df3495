public import FledgeCore

/// Which data sets a run uses and how they are put together.
public struct DatasetOptions: Hashable, Sendable {
    /// The folder of `dataset_info.json`.
    public var folder = "data"
    /// What would be in `dataset_info.json`; file names are then relative to ``folder``.
    public var entries: JSONValue?
    /// The data sets to train on.
    public var names: [String] = []
    /// The data sets to evaluate on.
    public var evaluationNames: [String] = []
    /// The most rows of each data set.
    public var sampleLimit: Int?
    /// How several data sets become one.
    public var mix = DatasetMix.concat
    /// How often each data set is drawn when they are interleaved.
    public var probabilities: [Double]?
    /// How much of the training data is set aside: a fraction below 1, else a number of rows.
    public var validationSize = 0.0
    /// Whether each evaluation data set is evaluated by itself.
    public var evaluatesEach = false
    /// The seed of every selection.
    public var seed: UInt64 = 42
    /// Whether the run learns from preferences, which takes other data sets.
    public var usesRanking = false
    /// Whether the run learns from answers that are marked as good or bad.
    public var usesMarks = false
    /// Whether rows that do not fit become samples with a fault, which processors drop, count and
    /// name; otherwise the first of them is an error.
    public var dropsInvalidRows = false
    /// Columns that rows keep as they are in the file (``AlignedSample/columns``); each data set has to
    /// have them, and each row.
    public var keptColumns: Set<String> = []
    /// Whether a dialogue may end with the question that is to be answered.
    public var takesQuestions = false
    /// How many threads read rows.
    public var threads = 2
    /// Where the places of rows of streamed files are kept; `nil` keeps them in memory.
    public var cacheFolder: String?
    /// Where to be as wrong as the reference.
    public var quirks: ReferenceQuirks = []

    /// Creates the options of a run without data.
    public init() {}

    /// Splits names that are separated by commas.
    public static func names(in text: String) -> [String] {
        text.utf8.split(separator: UInt8(ascii: ",")).compactMap { part in
            let name = part.drop(while: \.isWhiteSpace).reversed().drop(while: \.isWhiteSpace)
                .reversed()
            return name.isEmpty ? nil : String(decoding: Array(name), as: UTF8.self)
        }
    }
}

/// The rows of a run before they are tokenised.
public struct LoadedDatasets: Sendable {
    /// A named set for evaluation: `validation` or `validation_<data set>`.
    public struct Evaluation: Sendable {
        /// The name.
        public var name: String
        /// The rows.
        public var samples: [AlignedSample]

        /// Creates a set.
        public init(name: String, samples: [AlignedSample]) {
            (self.name, self.samples) = (name, samples)
        }
    }

    /// The rows to train on.
    public var train: [AlignedSample]
    /// The rows to evaluate on.
    public var evaluations: [Evaluation]
    /// What the descriptions of the data sets overlook.
    public var faults: [DataFault] = []
    /// What the user should know about files that are not read.
    public var notes: [String] = []
}

/// Loads, samples, mixes and splits data sets.
public struct DatasetLoader: Sendable {
    private let options: DatasetOptions

    /// Creates a loader.
    public init(_ options: DatasetOptions) { self.options = options }

    /// The rows of all data sets.
    public func load() throws -> LoadedDatasets {
        try options.check()
        let descriptions = try options.descriptions()
        // The selections of all data sets are drawn from one generator, in their order.
        var generator = MersenneTwister(seed: options.seed)
        let train = try descriptions.train.map { try self.rows($0, &generator) }
        let evaluation = try descriptions.evaluation.map { try self.rows($0, &generator) }
        let rows = try mixed(train.map(\.samples))
        let split = try DatasetSampling.split(
            rows.count, validation: options.validationSize, seed: options.seed)
        var result = LoadedDatasets(train: split.train.map { rows[$0] }, evaluations: [])
        result.faults = (train + evaluation).flatMap(\.faults)
        result.notes = (train + evaluation).flatMap(\.notes)
        if options.evaluatesEach {
            result.evaluations = zip(options.evaluationNames, evaluation).map {
                LoadedDatasets.Evaluation(name: "validation_" + $0, samples: $1.samples)
            }
        } else if !evaluation.isEmpty {
            result.evaluations = [
                .init(name: "validation", samples: try mixed(evaluation.map(\.samples)))
            ]
        }
        if !split.validation.isEmpty {
            result.evaluations = [
                .init(name: "validation", samples: split.validation.map { rows[$0] })
            ]
        }
        return result
    }

    /// The rows of one data set, all of them in their order; those with a fault too.
    public static func rows(
        _ description: DatasetDescription, quirks: ReferenceQuirks = []
    ) throws -> [AlignedSample] {
        let source = try DatasetSource(description, quirks: quirks)
        return try (0..<source.count).map(source.sample)
    }

    private func rows(
        _ description: DatasetDescription, _ generator: inout MersenneTwister
    ) throws -> (samples: [AlignedSample], faults: [DataFault], notes: [String]) {
        let source = try DatasetSource(
            description, skipsBrokenRows: options.dropsInvalidRows, quirks: options.quirks)
        var indices = Array(0..<source.count)
        if let wanted = description.sampleCount {
            indices = DatasetSampling.selection(of: source.count, wanted: wanted, &generator)
        }
        if let limit = options.sampleLimit { indices = Array(indices.prefix(max(limit, 0))) }
        // Rows that are dropped later take part in the order, as they do in the reference.
        let samples = try source.samples(
            at: indices, threads: options.threads, allowingFaults: options.dropsInvalidRows)
        return (samples, source.unreadColumns(), source.notes)
    }

    private func mixed(_ sets: [[AlignedSample]]) throws -> [AlignedSample] {
        guard sets.count > 1 else { return sets.first ?? [] }
        let order = options.mix.order(
            counts: sets.map(\.count), probabilities: try options.shares(of: sets.count),
            seed: options.seed)
        return order.map { sets[$0.dataset][$0.row] }
    }
}

extension DatasetOptions {
    /// Throws when the options contradict each other.
    func check() throws {
        guard evaluationNames.isEmpty || validationSize <= 1e-6 else {
            throw FledgeError(
                .configuration, "Cannot specify `val_size` if `eval_dataset` is not None.")
        }
        guard !evaluatesEach || !evaluationNames.isEmpty else {
            throw FledgeError(
                .configuration, "`eval_on_each_dataset` needs an `eval_dataset`.")
        }
    }

    /// Whether the rows of a data set are pairs of answers.
    ///
    /// - Throws: ``FledgeError`` when there is no such data set.
    package func isRanking(_ name: String) throws -> Bool {
        try catalog().description(named: name, cacheFolder: cacheFolder, quirks: quirks).isRanking
    }

    private var purpose: DatasetFit.Purpose {
        DatasetFit.Purpose(wantsPairs: usesRanking, wantsMarks: usesMarks)
    }

    private func catalog() throws -> DatasetCatalog {
        try entries.map { try DatasetCatalog(entries: $0, folder: folder) }
            ?? DatasetCatalog(folder: folder, allowingPathsAlone: true)
    }

    /// The descriptions of the data sets that the options name.
    func descriptions() throws -> (train: [DatasetDescription], evaluation: [DatasetDescription]) {
        guard !names.isEmpty || !evaluationNames.isEmpty else { return ([], []) }
        let catalog = try catalog()
        func described(_ names: [String]) throws -> [DatasetDescription] {
            try names.enumerated().map { index, name in
                guard !names[..<index].contains(name) else {
                    throw FledgeError(
                        .configuration, "The data set \(name) is listed twice.",
                        advice: "Set its num_samples to a larger number to repeat rows.")
                }
                var description = try catalog.description(
                    named: name, for: purpose, cacheFolder: cacheFolder, quirks: quirks)
                description.keptColumns = keptColumns
                description.takesQuestions = takesQuestions
                guard description.isRanking == usesRanking else {
                    throw FledgeError(
                        .configuration,
                        "The dataset is not applicable in the current training stage: \(name) has "
                            + (description.isRanking ? "preferences." : "no preferences."),
                        advice: description.isRanking
                            ? "Preferences are learned by stage: dpo or rm; for other stages describe the "
                                + "rows in dataset_info.json without \"ranking\"."
                            : "If its rows hold a better and a worse answer, give its entry in "
                                + "dataset_info.json \"ranking\": true and name the columns of chosen and "
                                + "rejected; plain answers are learned by stage: sft.")
                }
                return description
            }
        }
        return (try described(names), try described(evaluationNames))
    }

    /// The share of each of some data sets when they are interleaved; `nil` for equal ones.
    func shares(of count: Int) throws -> [Double]? {
        guard let probabilities, count > 1 else { return nil }
        guard probabilities.count == count else {
            throw FledgeError(
                .configuration,
                "interleave_probs has \(probabilities.count) numbers for \(count) data sets.")
        }
        guard probabilities.allSatisfy({ $0 >= 0 && $0.isFinite }),
            probabilities.contains(where: { $0 > 0 })
        else {
            throw FledgeError(
                .configuration, "interleave_probs must be numbers from 0 on, not all 0.")
        }
        return probabilities
    }
}
