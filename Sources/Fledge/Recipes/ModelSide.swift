public import FledgeAdapters
internal import FledgeCore
public import FledgeModel
internal import Foundation

/// The model of a run with its adapters (reference: 04 §4.1).
public struct ModelSide {
    /// The model; adapters that are not trained on are merged into it.
    public let model: any CausalLM
    /// The adapter that is trained; nil where the model's own weights are, and for inference.
    public let adapters: AdapterSet?
    /// What training changes and saves: the adapter or the model.
    public let artifact: any ModelArtifact
    /// Where the model came from.
    public let checkpoint: Checkpoint
    /// The folder of the adapter that training goes on with; nil where it begins with a new one.
    public private(set) var continuedAdapter: String?
    /// The model with what enters its first trained block kept, where that is asked for.
    let trunk: FrozenTrunk?
    /// How much the loss counts in training that keeps the routers of experts balanced; 0 for not at all.
    private(set) var auxiliaryWeight = 0.0

    /// What objectives compute with: the model, or its trunk's.
    var computed: any CausalLM { trunk ?? model }

    /// Loads the model for training: its own weights with `finetuning_type` full and freeze, else an
    /// adapter. Given adapters are merged, but for the last one, which goes on
    /// unless a new one is asked for.
    ///
    /// - Throws: ``FledgeError`` when model or adapters are missing, damaged, or do not fit.
    public init(training configuration: RunConfiguration) throws {
        let options = configuration.finetuning
        let paths = configuration.adapterFolders
        checkpoint = try Checkpoint(
            path: configuration.requiredModelPath(), families: configuration.families,
            stretch: configuration.trainingStretch)
        model = try checkpoint.causalLM(
            storing: configuration.trainingType, linears: configuration.model.linearStorage)
        auxiliaryWeight = try Self.auxiliaryWeight(of: model, configuration)
        guard options.method == .lora else {
            let masters = configuration.training.keepsMasters
            if options.method == .freeze {
                let trained = Set(try options.freezing.trained(of: model).map(\.name))
                model.makeTrainable(keepingMasters: masters) { trained.contains($0.name) }
            } else {
                model.makeTrainable(keepingMasters: masters)
            }
            (adapters, artifact) = (nil, TrainedModel(model))
            trunk = try Self.trunk(of: model, configuration)
            return
        }
        let continues = !options.createsNewAdapter && !paths.isEmpty
        for path in continues ? paths.dropLast() : paths[...] {
            try model.attachAdapter(folder: path).merge()
        }
        var adapters: AdapterSet
        if continues, let last = paths.last {
            adapters = try model.attachAdapter(folder: last, trainable: true)
            continuedAdapter = last
        } else {
            let targets: LoRA.Targets =
                options.loraTargets == ["all"] ? .allLinear : .named(options.loraTargets)
            let method = LoRA(
                rank: options.loraRank, alpha: Double(options.loraAlpha),
                dropout: options.loraDropout, targets: targets,
                isRankStabilized: options.usesRankStabilizedScale)
            try Self.requireMemory(for: method, model)
            adapters = try model.attach(method, seed: configuration.training.seed)
        }
        adapters.configuration.baseModel = configuration.model.modelPath
        (self.adapters, artifact) = (adapters, adapters)
        trunk = try Self.trunk(of: model, configuration)
    }

    /// Whether samples can share what they begin with: not where the angles of its tokens follow from how
    /// long the whole is.
    func sharesPrefixes(_ configuration: RunConfiguration) -> Bool {
        model.configuration.angleThreshold.map { configuration.data.cutoffLength <= $0 } ?? true
    }

    /// Keeps what enters the first trained block, where a run that trains asks for it.
    ///
    /// - Throws: ``FledgeError`` when nothing frozen lies below.
    private static func trunk(
        of model: any CausalLM, _ configuration: RunConfiguration
    ) throws -> FrozenTrunk? {
        let options = configuration.finetuning
        guard options.cachesFrozenActivations, options.method != .full,
            configuration.training.trains
        else { return nil }
        guard let model = model as? any DivisibleLM else {
            throw FledgeError(
                .unsupported, "The model is computed as a whole, so no part of it can be kept.",
                advice: "Leave cache_frozen_activations out.")
        }
        return try FrozenTrunk(model, folder: configuration.training.outputFolder)
    }

    /// Refuses adapters that cannot be held, before they are made.
    ///
    /// - Throws: ``FledgeError`` that says what they need.
    private static func requireMemory(for method: LoRA, _ model: any CausalLM) throws {
        let sides = try method.targetLayers(of: model).reduce(0) {
            $0 + $1.inputCount + $1.outputCount
        }
        // Weights, gradients and two moments, float32; as a number that cannot overflow.
        let needed = 16 * Double(method.rank) * Double(sides)
        guard let available = ProcessMemory.availableBytes(), needed > Double(available) else {
            return
        }
        let shown = { (bytes: Double) in "\((bytes / 1_073_741_824).rounded(places: 1)) GiB" }
        throw FledgeError(
            .configuration,
            "lora_rank is \(method.rank): such adapters with gradients and optimizer take \(shown(needed)), \(shown(Double(available))) are free.",
            advice: "Usual ranks are 8 to 64.")
    }

    /// Loads the model for chat or export, with all given adapters merged; a quantised model keeps
    /// its one adapter beside it, unless `dequantizing` expands the model first.
    ///
    /// - Throws: ``FledgeError`` when model or adapters are missing, damaged, or do not fit.
    public init(
        inference configuration: RunConfiguration, dequantizing: Bool = false
    ) throws {
        checkpoint = try Checkpoint(
            path: configuration.requiredModelPath(), families: configuration.families,
            stretch: configuration.inferenceStretch)
        let type = configuration.inferenceType
        model = try checkpoint.causalLM(
            storing: type, linears: configuration.model.linearStorage)
        if dequantizing { model.dequantize(as: type) }
        let isQuantized = !model.quantizedMatrices.isEmpty
        for path in configuration.adapterFolders {
            let adapters = try model.attachAdapter(folder: path)
            guard isQuantized else {
                adapters.merge()
                continue
            }
            try model.requirePlainHead(adapters.layers, folder: path)
        }
        (adapters, artifact, trunk) = (nil, TrainedModel(model), nil)
    }

    /// `trainable params: a || all params: b || trainable%: c`, as the reference prints it.
    public var parameterSummary: String {
        let count = { (parameters: [Parameter]) in parameters.reduce(0) { $0 + $1.value.count } }
        let trainable = count(model.trainableParameters)
        let all = model.quantizedMatrices.reduce(count(model.parameters)) { $0 + $1.count }
        let share = 100 * Double(trainable) / Double(max(all, 1))
        return
            "trainable params: \(trainable) || all params: \(all) || trainable%: \(share.rounded(places: 4))"
    }

    /// A line for each parameter: its name, shape, type, and whether it is trained.
    public var parameterStatus: [String] {
        let shown = { (shape: [Int]) in shape.map(String.init).joined(separator: "×") }
        let plain = model.parameters.map { parameter in
            "\(parameter.name): \(shown(parameter.value.shape)), \(parameter.value.elementType), trained: \(parameter.isTrainable)"
        }
        return plain
            + model.quantizedMatrices.map {
                "\($0.name): \(shown($0.shape)), \($0.format), trained: false"
            }
    }

    /// What the quantised layers take, for a line before training; nil when there are none.
    public var quantizationSummary: String? {
        let matrices = model.quantizedMatrices
        guard let first = matrices.first else { return nil }
        let count = matrices.reduce(0) { $0 + $1.count }
        let bytes = matrices.reduce(0) { $0 + $1.byteCount }
        let formats = Set(matrices.map(\.format)).count == 1 ? "\(first.format)" : "blocks"
        let each = (Double(bytes) / Double(count)).rounded(places: 3)
        return "\(matrices.count) matrices are frozen in \(formats): \(each) bytes a weight."
    }
}

extension RunConfiguration {
    /// The folders that adapters are read from; names are looked up in the local hub cache.
    var adapterFolders: [String] {
        model.adapterPaths.map { adapterPath(of: $0, inside: model.adapterFolder) }
    }

    /// How rotary positions are stretched where rows of up to `cutoff_len` tokens are trained on.
    var trainingStretch: ContextStretch? {
        model.ropeScaling.map { ContextStretch($0, length: data.cutoffLength) }
    }

    /// The same for chat and export, whose files need not say how long texts are.
    var inferenceStretch: ContextStretch? {
        let usual = OptionValues.defaults.integer("cutoff_len")
        let length = data.cutoffLength == usual ? nil : data.cutoffLength
        return model.ropeScaling.map { ContextStretch($0, length: length) }
    }
}

extension Double {
    /// The number with so many places after the point.
    func rounded(places: Int) -> String { String(format: "%.\(places)f", self) }
}
