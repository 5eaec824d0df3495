/// What is trained on, and how it becomes rows of tokens.
public struct DataArguments: Hashable, Sendable {
    /// The chat template's name (`template`).
    public var template: String?
    /// Data sets to train on (`dataset`).
    public var datasets: [String]
    /// Data sets to evaluate on (`eval_dataset`).
    public var evaluationDatasets: [String]
    /// The folder of dataset_info.json (`dataset_dir`).
    public var datasetFolder: String
    /// Most tokens of one example (`cutoff_len`).
    public var cutoffLength: Int
    /// Codes of faults with which training goes on (`allowed_faults`).
    public var allowedFaults: Set<String>
    /// Whether prompts are trained on too (`train_on_prompt`).
    public var trainsOnPrompt: Bool
    /// Whether only the last turn is trained on (`mask_history`).
    public var masksHistory: Bool
    /// Whether data sets are read while training (`streaming`).
    public var streams: Bool
    /// Whether rows that do not fit are left out (`drop_invalid_rows`).
    public var dropsInvalidRows: Bool
    /// Whether each evaluation data set is evaluated by itself (`eval_on_each_dataset`).
    public var evaluatesEachDataset: Bool
    /// How data sets are mixed (`mix_strategy`).
    public var mixStrategy: MixStrategy
    /// The probability of each data set (`interleave_probs`).
    public var interleaveProbabilities: [Double]?
    /// Examples that are packed together at a time (`preprocessing_batch_size`).
    public var preprocessingBatchSize: Int
    /// Examples taken of each data set (`max_samples`).
    public var maxSamples: Int?
    /// Part (below 1) or number of held-out examples (`val_size`).
    public var validationSize: Double
    /// Whether short examples are joined; nil for the stage's own choice (`packing`).
    public var packing: Bool?
    /// Whether joined examples do not see each other (`neat_packing`).
    public var neatPacking: Bool
    /// The folder of tokenised data, taken where it is there and else written (`tokenized_path`).
    public var tokenizedPath: String?
    /// Whether tokenised data of the cache are made anew (`overwrite_cache`).
    public var overwritesCache: Bool
    /// The tool format instead of the template's (`tool_format`).
    public var toolFormat: String?
    /// The system prompt instead of the template's (`default_system`).
    public var defaultSystem: String?
    /// Whether reasoning is asked for; nil keeps data as they are (`enable_thinking`).
    public var enablesThinking: Bool?
    /// Whether thoughts of earlier turns stay (`preserve_thinking`).
    public var preservesThinking: Bool

    /// How several data sets become one.
    public enum MixStrategy: String, Hashable, Sendable {
        case concatenate = "concat"
        case interleaveUnder = "interleave_under"
        case interleaveOver = "interleave_over"
        case interleaveOnce = "interleave_once"
    }

    /// The defaults.
    public init() { self.init(.defaults) }

    init(_ values: OptionValues) {
        template = values.optionalText("template")
        datasets = values.list("dataset")
        evaluationDatasets = values.list("eval_dataset")
        datasetFolder = values.text("dataset_dir")
        cutoffLength = values.integer("cutoff_len")
        allowedFaults = Set(values.list("allowed_faults"))
        trainsOnPrompt = values.flag("train_on_prompt")
        masksHistory = values.flag("mask_history")
        streams = values.flag("streaming")
        dropsInvalidRows = values.flag("drop_invalid_rows")
        evaluatesEachDataset = values.flag("eval_on_each_dataset")
        mixStrategy = values.word("mix_strategy")
        interleaveProbabilities = values.optionalNumbers("interleave_probs")
        preprocessingBatchSize = values.integer("preprocessing_batch_size")
        maxSamples = values.optionalInteger("max_samples")
        validationSize = values.number("val_size")
        // Packing whose examples do not see each other is packing.
        packing = values.flag("neat_packing") ? true : values.optionalFlag("packing")
        neatPacking = values.flag("neat_packing")
        tokenizedPath = values.optionalText("tokenized_path")
        overwritesCache = values.flag("overwrite_cache")
        toolFormat = values.optionalText("tool_format")
        defaultSystem = values.optionalText("default_system")
        enablesThinking = values.optionalFlag("enable_thinking")
        preservesThinking = values.flag("preserve_thinking")
    }
}
