import FledgeCore

/// Which data sets a run uses and how they are put together.
public struct DatasetOptions: Hashable, Sendable {
    /// The folder of `dataset_info.json`.
    public var folder = "data"
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

    /// Where to be as wrong as the reference.
    public var quirks: ReferenceQuirks = []

    /// Creates the options of a run without data.
    public init() {}

    /// Splits names that are separated by commas.
    public static func names(in text: String) -> [String] {
        text.utf8.split(separator: UInt8(ascii: ",")).compactMap { part in
            let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
            let name = part.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
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
    }

    /// The rows to train on.
    public var train: [AlignedSample]
    /// The rows to evaluate on.
    public var evaluations: [Evaluation]
}

/// Loads, samples, mixes and splits data sets.
public struct DatasetLoader: Sendable {
    private let options: DatasetOptions

    /// Creates a loader.
    public init(_ options: DatasetOptions) { self.options = options }

    /// The rows of all data sets.
    public func load() throws -> LoadedDatasets {
        guard options.evaluationNames.isEmpty || options.validationSize <= 1e-6 else {
            throw FledgeError(
                .configuration, "Cannot specify `val_size` if `eval_dataset` is not None.")
        }
        let names = options.names + options.evaluationNames
        guard !names.isEmpty else { return LoadedDatasets(train: [], evaluations: []) }
        let catalog = try DatasetCatalog(folder: options.folder)
        // The selections of all data sets are drawn from one generator, in their order.
        var generator = MersenneTwister(seed: options.seed)
        let train = try sets(options.names, catalog, &generator)
        let evaluation = try sets(options.evaluationNames, catalog, &generator)
        let rows = try mixed(train)
        let split = try DatasetSampling.split(
            rows.count, validation: options.validationSize, seed: options.seed)
        var result = LoadedDatasets(train: split.train.map { rows[$0] }, evaluations: [])
        if options.evaluatesEach {
            result.evaluations = zip(options.evaluationNames, evaluation).map {
                LoadedDatasets.Evaluation(name: "validation_" + $0, samples: $1)
            }
        } else if !evaluation.isEmpty {
            result.evaluations = [.init(name: "validation", samples: try mixed(evaluation))]
        } else if !split.validation.isEmpty {
            result.evaluations = [
                .init(name: "validation", samples: split.validation.map { rows[$0] })
            ]
        }
        return result
    }

    /// The rows of one data set, all of them in their order.
    public static func rows(
        _ description: DatasetDescription, quirks: ReferenceQuirks = []
    ) throws -> [AlignedSample] {
        let records = try RecordFile.read(description.path)
        let aligner = try Aligner(description, records: records, quirks: quirks)
        return try records.map(aligner.align)
    }

    private func sets(
        _ names: [String], _ catalog: DatasetCatalog, _ generator: inout MersenneTwister
    ) throws -> [[AlignedSample]] {
        for (index, name) in names.enumerated() where names[..<index].contains(name) {
            throw FledgeError(
                .configuration, "The data set \(name) is listed twice.",
                advice: "Set its num_samples to a larger number to repeat rows.")
        }
        return try names.map { name in
            let description = try catalog.description(named: name)
            guard description.isRanking == options.usesRanking else {
                throw FledgeError(
                    .configuration,
                    "The dataset is not applicable in the current training stage: \(name) has "
                        + (description.isRanking ? "preferences." : "no preferences."))
            }
            var rows = try DatasetLoader.rows(description, quirks: options.quirks)
            if let wanted = description.sampleCount {
                rows = DatasetSampling.selection(of: rows.count, wanted: wanted, &generator)
                    .map { rows[$0] }
            }
            return options.sampleLimit.map { Array(rows.prefix(max($0, 0))) } ?? rows
        }
    }

    private func mixed(_ sets: [[AlignedSample]]) throws -> [AlignedSample] {
        guard sets.count > 1 else { return sets.first ?? [] }
        if let probabilities = options.probabilities {
            guard probabilities.count == sets.count else {
                throw FledgeError(
                    .configuration,
                    "interleave_probs has \(probabilities.count) numbers for "
                        + "\(sets.count) data sets.")
            }
            guard probabilities.allSatisfy({ $0 >= 0 && $0.isFinite }),
                probabilities.contains(where: { $0 > 0 })
            else {
                throw FledgeError(
                    .configuration, "interleave_probs must be numbers from 0 on, not all 0.")
            }
        }
        let order = options.mix.order(
            counts: sets.map(\.count), probabilities: options.probabilities, seed: options.seed)
        return order.map { sets[$0.dataset][$0.row] }
    }
}
