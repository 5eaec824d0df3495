import FledgeCore
import FledgeTensor

/// What a family's configuration says of its experts.
struct ExpertSettings {
    /// How many there are in a layer.
    let count: Int
    /// How many a token goes through.
    let used: Int
    /// Channels inside of one.
    let inner: Int
    /// Whether the weights of a token's experts are divided by their sum.
    let normalizes: Bool
    /// What files call an expert's matrices.
    var names: (gate: String, up: String, down: String)
    /// What files call the matrix that picks experts.
    var router = "gate"
    /// Whether it is a linear layer, which adapters can change.
    var hasLinearRouter = false
    /// The function inside of an expert; that of the configuration where it is nil.
    var activation: Activation?
    /// Whether experts and router have biases.
    var hasBiases = false
    /// Every how many layers there is one with experts.
    private var step = 1
    private var denseLayers: Set<Int> = []

    init(
        count: Int, used: Int, inner: Int, normalizes: Bool,
        names: (gate: String, up: String, down: String), _ json: ConfigurationReader
    ) throws {
        (self.count, self.used, self.inner) = (count, used, inner)
        (self.normalizes, self.names) = (normalizes, names)
        guard count > 0, count < 1 << 20, used > 0, used <= count, inner > 0, inner < 1 << 31 else {
            throw json.unsupported(
                "\(used) of \(count) experts with \(inner) channels cannot be: each token goes through "
                    + "1 to all of them.")
        }
    }

    /// Those of Qwen's configurations.
    ///
    /// - Parameter usual: What counts where the file does not say: experts, experts of a token, channels.
    init(
        _ json: ConfigurationReader, _ configuration: DecoderConfiguration,
        usual: (count: Int, used: Int, inner: Int)? = nil
    ) throws {
        // transformers 5 writes Qwen 3's number under Mixtral's name.
        let isThird = json["model_type"] == "qwen3_moe"
        let usual =
            usual
            ?? (
                count: isThird ? 128 : 60, used: isThird ? 8 : 4, inner: isThird ? 768 : 1408
            )
        let json = json.withDefaults([
            "num_experts": json["num_local_experts"] ?? .integer(usual.count),
            "num_experts_per_tok": .integer(usual.used),
            "moe_intermediate_size": .integer(usual.inner),
            "norm_topk_prob": json["norm_topk_prob"] ?? false,
        ])
        try self.init(
            count: json.integer("num_experts"), used: json.integer("num_experts_per_tok"),
            inner: json.integer("moe_intermediate_size"),
            normalizes: json.flag("norm_topk_prob") ?? false,
            names: (gate: "gate_proj", up: "up_proj", down: "down_proj"), json)
        step = try json.optionalInteger("decoder_sparse_step") ?? 1
        guard step > 0 else { throw json.wrong("decoder_sparse_step", "a number above 0") }
        denseLayers = Set(json["mlp_only_layers"]?.arrayValue?.compactMap(\.intValue) ?? [])
    }

    /// What transformers 5 writes where it does not write experts one by one.
    static let stacks = [
        TensorStack(
            "mlp.experts.gate_up_proj", in: "mlp.experts",
            parts: ["gate_proj.weight", "up_proj.weight"]),
        TensorStack(
            "mlp.experts.down_proj", in: "mlp.experts", parts: ["down_proj.weight"]),
    ]

    /// Whether a layer has experts in place of a gated MLP.
    func hasExperts(_ layer: Int) -> Bool {
        !denseLayers.contains(layer) && (layer + 1) % step == 0
    }
}

extension WeightReader {
    /// A layer of experts, each with tensors of its own.
    mutating func experts(
        _ name: String, _ settings: ExpertSettings, shared: Experts.Shared? = nil
    ) throws -> Experts {
        let (channels, inner) = (configuration.hiddenSize, settings.inner)
        let path = "\(name).\(settings.router)"
        let router: Experts.Router =
            settings.hasLinearRouter
            ? .layer(try linear(path, channels, settings.count))
            : .matrix(
                try parameter("\(path).weight", [settings.count, channels], type),
                bias: settings.hasBiases ? try vector("\(path).bias", [settings.count]) : nil)
        var experts: [Experts.Expert] = []
        for index in 0..<settings.count {
            let (path, names) = ("\(name).experts.\(index)", settings.names)
            experts.append(
                Experts.Expert(
                    gate: try expertMatrix("\(path).\(names.gate)", [inner, channels]),
                    up: try expertMatrix("\(path).\(names.up)", [inner, channels]),
                    down: try expertMatrix("\(path).\(names.down)", [channels, inner]),
                    biases: settings.hasBiases
                        ? .init(
                            gate: try vector("\(path).\(names.gate).bias", [inner]),
                            up: try vector("\(path).\(names.up).bias", [inner]),
                            down: try vector("\(path).\(names.down).bias", [channels])) : nil))
        }
        return Experts(
            router: router, experts,
            activation: settings.activation ?? Activation(configuration.hiddenActivation),
            count: settings.used, normalizes: settings.normalizes, shared: shared)
    }
}
