public import FledgeTensor

extension DecoderLM {
    /// Builds a model from named tensors, with all weights frozen.
    ///
    /// - Parameters:
    ///   - source: The tensors, under Hugging Face names.
    ///   - type: The element type of matrices; norms and biases are float32 (float64 for float64).
    ///   - storage: What becomes of the linear layers' weights.
    ///   - path: What errors name as the place.
    /// - Throws: ``FledgeError`` when the weights have more or fewer layers or biases than the
    ///   configuration says; when a tensor is missing, has another shape, or is left over; when blocks
    ///   are to be kept and the source has none.
    public convenience init(
        _ configuration: DecoderConfiguration, _ source: any TensorSource,
        storing type: ElementType, linears storage: LinearStorage = .plain,
        path: String = "model"
    ) throws {
        var reader = WeightReader(configuration, source, type, storage, path: path)
        try reader.requireLayerCount()
        let family = configuration.family
        let embedding = try family.embedding(&reader)
        let inputs = try family.sideInputs(&reader)
        let layers = try (0..<configuration.layerCount).map { try family.block($0, &reader) }
        let norm = try family.lastNorm(&reader)
        let head = try family.head(&reader)
        try reader.refuseUnknownTensors()
        self.init(
            configuration, embedding: embedding, inputs: inputs, layers: layers, norm: norm,
            head: head,
            in: (source as? EnclosedNames).map { Surroundings($0, folder: path) }, type)
    }
}
