internal import FledgeAdapters
internal import FledgeCore
internal import FledgeModel
internal import FledgeTensor
internal import Foundation

/// What a reference, or a reward model, computes with: its scores follow from this and from the answers
/// alone.
struct ReferenceContent {
    /// What the model is to whoever reads an error.
    var title = "reference"
    /// The path of the model.
    var model: String
    /// Folders of adapters that are added to its weights; those of a model in blocks stay beside it.
    var merged: [String] = []
    /// Folders of adapters that take part beside the weights.
    var attached: [String] = []
    /// How linear layers are stored.
    var linears: LinearStorage
    /// What weights are stored and activations computed in.
    var type: ElementType
    /// The kinds of models that are known.
    var families: [any ModelFamily] = .standard
    /// How rotary positions are stretched.
    var stretch: ContextStretch?

    /// Tells references apart that give other scores, whatever their paths.
    ///
    /// - Throws: ``FledgeError`` when a file cannot be read.
    func digest() throws -> String {
        var made = ["model \(try RunDigests.model(model))"]
        made += try merged.map { "merged \(try RunDigests.adapter($0))" }
        made += try attached.map { "attached \(try RunDigests.adapter($0))" }
        made += stretch.map { ["stretched \($0.kind) \($0.length ?? 0)"] } ?? []
        return ContentDigest.of(texts: made + ["\(linears) \(type) \(Kernels.signature)"])
    }

    /// The model, which nothing trains.
    ///
    /// - Throws: ``FledgeError`` when model or adapters are missing, damaged, or do not fit.
    func load() throws -> any CausalLM {
        let model = try Checkpoint(path: self.model, families: families, stretch: stretch).causalLM(
            storing: type, linears: linears)
        let isQuantized = !model.quantizedMatrices.isEmpty
        guard !isQuantized || merged.count + attached.count < 2 else {
            throw FledgeError(
                .configuration, "The \(title) is quantised and has several adapters.",
                advice: "Quantized model only accepts a single adapter. Merge them first.",
                at: .init(file: self.model))
        }
        for folder in merged {
            let adapters = try model.attachAdapter(folder: folder)
            if !isQuantized { adapters.merge() }
        }
        for folder in attached { _ = try model.attachAdapter(folder: folder) }
        for parameter in model.parameters { parameter.isTrainable = false }
        return model
    }
}

extension RunConfiguration {
    /// The path of the model that `ref_model` names; nil where it names none.
    ///
    /// - Throws: ``FledgeError`` when it is neither a path nor in the local hub cache.
    func referenceModelPath() throws -> String? {
        try preference.referenceModel.map { try modelPath(of: $0) }
    }

    /// The folders of its adapters.
    var referenceAdapterFolders: [String] {
        preference.referenceAdapters.map { adapterPath(of: $0) }
    }
}
