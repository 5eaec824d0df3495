internal import FledgeCore
internal import FledgeTensor

extension CausalLM {
    /// Writes a plain Hugging Face folder: configuration and weights.
    ///
    /// - Parameters:
    ///   - folder: A folder that exists.
    ///   - type: What all weights are stored as, float16 being rounded from float32; when it is left
    ///     out each weight is stored in the precision that it is kept in.
    ///   - shardByteCount: The most bytes of weights in one file.
    ///   - score: What makes the folder one that transformers reads as a classifier of sequences; the
    ///     language model's own head is written all the same.
    /// - Throws: ``FledgeError`` when a file cannot be written.
    public func save(
        to folder: String, as type: SafetensorsType? = nil, shardByteCount: Int = 5_000_000_000,
        scoring score: SequenceScore? = nil
    ) throws {
        precondition(
            linears.allSatisfy { $0.adapter == nil }, "save: merge or detach the adapters first")
        precondition(
            quantizedMatrices.isEmpty,
            "save: call dequantize(as:) first; folders hold plain weights")
        let around = surroundings
        let saved = SavedTensors(parameters, buffers, configuration.stacks, as: type)
        let names = Dictionary(
            uniqueKeysWithValues: saved.entries.map {
                (around?.storedName(of: $0.name) ?? $0.name, $0.name)
            })
        var entries = saved.entries.map {
            SafetensorsWriter.Entry(
                around?.storedName(of: $0.name) ?? $0.name, $0.type, $0.shape)
        }
        entries += try around?.entries() ?? []
        if let weight = score?.head.weight.value {
            entries.append(
                .init(SequenceScore.name, type ?? SafetensorsType(weight.elementType), weight.shape)
            )
        }
        try SafetensorsWriter.writeShards(entries, to: folder, shardByteCount: shardByteCount) {
            if $0.name == SequenceScore.name, let score { return score.head.weight.value }
            if let name = names[$0.name] { return saved.tensor(name) }
            guard let bytes = around?.bytes(of: $0.name) else {
                preconditionFailure("save: no tensor \($0.name)")
            }
            return bytes
        }
        try around?.copyFiles(to: folder)
        let matrix = parameters.first { $0.value.shape.count == 2 }
        let declared = type ?? SafetensorsType(matrix?.kept.elementType ?? elementType)
        try configuration.write(
            to: folder, elementType: declared.configurationName, scoring: score)
    }
}

extension SafetensorsType {
    /// The name that configuration files use, such as `bfloat16`.
    package var configurationName: String {
        switch self {
        case .float32: "float32"
        case .float64: "float64"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        default: rawValue
        }
    }
}
