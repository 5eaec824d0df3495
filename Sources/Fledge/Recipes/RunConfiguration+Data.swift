internal import FledgeCore
internal import FledgeData

/// The data that a configuration describes.
extension RunConfiguration {
    /// The most tokens of a sample.
    var cutoffLength: Int {
        let isShorter =
            data.packing == true && finetuning.referenceQuirks.contains(.cutoffMinusOne)
        return data.cutoffLength - (isShorter ? 1 : 0)
    }

    /// The quirks of processors; control strings are the template's, see ``TextSide``.
    var dataQuirks: ReferenceQuirks { finetuning.referenceQuirks.subtracting(.contentSpecials) }

    /// Whether several samples come into a row: when asked, and where the method does unless told not to.
    var packs: Bool { (data.packing ?? method.rows.packsByDefault) && method.rows.packs }

    /// The data sets.
    var datasetOptions: DatasetOptions {
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
        options.usesRanking = method.rows.isRanking
        options.usesMarks = method.rows.isMarked
        options.quirks = finetuning.referenceQuirks
        // The reference leaves dialogues out that end with a question.
        options.takesQuestions =
            method.reads.contains(.rollouts) && finetuning.referenceQuirks != .all
        if method.reads.contains(.rewards) { options.keptColumns = rewards.columns }
        return options
    }

    /// The rows of data that are read while training.
    func datasetStream() throws -> DatasetStream {
        try DatasetStream(
            datasetOptions, orderSeed: training.dataSeed,
            shuffles: !finetuning.disablesShuffling)
    }

    /// The seed of the orders of epochs; nil for that of the data.
    var orderSeed: UInt64? { finetuning.disablesShuffling ? nil : training.dataSeed }

    /// How samples are written into tables.
    func sampleForm(_ text: TextSide, packedLength: Int?) -> SampleForm {
        var form = SampleForm()
        form.packedLength = packedLength
        form.isNeat = data.neatPacking
        form.padding = text.tokenizer.padding ?? 0
        form.isText = method.rows.isText
        if finetuning.referenceQuirks.contains(.padMasksEnd) {
            form.unlearned = text.tokenizer.padding
        }
        form.vocabularyCount = text.tokenizer.vocabularyCount
        return form
    }
}
