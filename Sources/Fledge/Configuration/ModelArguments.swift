public import FledgeModel
public import FledgeTensor

/// What is loaded, and in which form.
public struct ModelArguments: Hashable, Sendable {
    /// The model: a folder, a `.gguf` file or a name in the local hub cache (`model_name_or_path`).
    public var modelPath: String?
    /// Adapter folders, merged in order (`adapter_name_or_path`).
    public var adapterPaths: [String]
    /// Folder inside each adapter path that holds the adapter (`adapter_folder`).
    public var adapterFolder: String?
    /// The local hub cache (`cache_dir`).
    public var cacheFolder: String?
    /// The revision in the local hub cache (`model_revision`).
    public var modelRevision: String
    /// Whether control strings in text stay text; nil leaves only those of the template's own parts
    /// (`split_special_tokens`).
    public var splitsSpecialTokens: Bool?
    /// The element type of inference and export (`infer_dtype`).
    public var inferenceType: InferenceType
    /// How rotary positions are stretched to longer texts (`rope_scaling`).
    public var ropeScaling: ContextStretch.Kind?
    /// Whether training sees groups of a sample's tokens alone (`shift_attn`).
    public var shiftsAttention: Bool
    /// How much the loss counts that keeps the routers of experts balanced (`moe_aux_loss_coef`); nil leaves
    /// it to the model's configuration.
    public var auxiliaryLossWeight: Double?
    /// Whether each parameter is printed (`print_param_status`).
    public var printsParameterStatus: Bool
    /// Where export writes (`export_dir`).
    public var exportFolder: String?
    /// The largest size of an exported file in GB (`export_size`).
    public var exportShardGigabytes: Int

    /// What the linear layers of the base are quantised to on loading (`quantization_bit`,
    /// `quantization_type`, `double_quantization`); nil leaves them as they are.
    public var quantization: QuantizedFormat?
    /// Whether a GGUF base stays in its blocks (`gguf_keep_quantized`).
    public var keepsBlocks: Bool
    /// Whether export expands a quantised base (`export_dequantize`).
    public var exportsDequantized: Bool

    /// The element types of inference and export.
    public enum InferenceType: String, Hashable, Sendable {
        case automatic = "auto"
        case float16, bfloat16, float32
    }

    /// The defaults.
    public init() { self.init(.defaults) }

    init(_ values: OptionValues) {
        modelPath = values.optionalText("model_name_or_path")
        adapterPaths = values.list("adapter_name_or_path")
        adapterFolder = values.optionalText("adapter_folder")
        cacheFolder = values.optionalText("cache_dir")
        modelRevision = values.text("model_revision")
        splitsSpecialTokens = values.optionalFlag("split_special_tokens")
        inferenceType = values.word("infer_dtype")
        ropeScaling = values.optionalText("rope_scaling").flatMap(ContextStretch.Kind.init)
        shiftsAttention = values.flag("shift_attn")
        auxiliaryLossWeight = values.optionalNumber("moe_aux_loss_coef")
        printsParameterStatus = values.flag("print_param_status")
        exportFolder = values.optionalText("export_dir")
        exportShardGigabytes = values.integer("export_size")
        quantization = Self.quantization("quantization_bit", values)
        keepsBlocks = values.flag("gguf_keep_quantized")
        exportsDequantized = values.flag("export_dequantize")
    }

    /// The format that so many bits mean.
    static func quantization(_ key: String, _ values: OptionValues) -> QuantizedFormat? {
        switch values.optionalInteger(key) {
        case 4:
            .fourBit(
                values.word("quantization_type"),
                hasNestedScales: values.flag("double_quantization"))
        case 8: .int8
        default: nil
        }
    }

    /// What becomes of the linear layers' weights.
    public var linearStorage: LinearStorage {
        if let quantization { return .quantized(quantization) }
        return keepsBlocks ? .blocksOfFile : .plain
    }
}
