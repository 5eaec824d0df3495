public import FledgeTrain

/// The optimizer of a run and what it needs to know.
public struct OptimizerArguments: Hashable, Sendable {
    /// The rule's name (`optim`).
    public var name: String
    /// Options of the rule (`optim_args`), such as `momentum=0.9`.
    public var options: [String: String]
    /// What replaces the rule, or changes which rates it has.
    public var method: Method
    /// How much faster the factor B of adapters is trained than A (`loraplus_lr_ratio`).
    public var loraPlusRatio: Double?
    /// The learning rate of adapters of embeddings with it (`loraplus_lr_embedding`).
    public var loraPlusEmbeddingRate: Double
    /// Settings of GaLore (`galore_*`).
    public var galore: GaLore.Settings
    /// The modules whose matrices it takes (`galore_target`).
    public var galoreTargets: [String]
    /// Settings of APOLLO (`apollo_*`).
    public var apollo: APOLLO.Settings
    /// The modules whose matrices it takes (`apollo_target`).
    public var apolloTargets: [String]
    /// Which blocks BAdam trains when (`badam_*`); nil in the mode `ratio`.
    public var badamTurns: BlockTurns.Order?
    /// The block that BAdam begins with (`badam_start_block`).
    public var badamStart: Int?
    /// Steps that BAdam trains a block for (`badam_switch_interval`).
    public var badamInterval: Int
    /// The share of weights that BAdam trains in the mode `ratio` (`badam_update_ratio`).
    public var badamRatio: Double
    /// Whether they are scattered (`badam_mask_mode`).
    public var badamScatters: Bool

    /// What replaces the rule that `optim` names.
    public enum Method: String, Hashable, Sendable, CaseIterable {
        case plain
        case galore = "use_galore"
        case apollo = "use_apollo"
        case loraPlus = "loraplus_lr_ratio"
        case badam = "use_badam"
        case adamMini = "use_adam_mini"
        case muon = "use_muon"
    }

    /// The words of `optim`, as the reference spells them, with the rules that they mean here.
    static let names: [String: Rule] = [
        "adamw_torch": .adamW, "adamw_torch_fused": .adamW, "paged_adamw_32bit": .adamW,
        "adamw_8bit": .adamW8Bit, "adamw_bnb_8bit": .adamW8Bit, "paged_adamw_8bit": .adamW8Bit,
        "adafactor": .adafactor, "sgd": .sgd, "lion_32bit": .lion, "paged_lion_32bit": .lion,
        "lion_8bit": .lion8Bit, "paged_lion_8bit": .lion8Bit,
        "schedule_free_adamw": .scheduleFree,
    ]

    /// A rule that trains alone.
    enum Rule {
        case adamW, adamW8Bit, adafactor, sgd, lion, lion8Bit, scheduleFree

        /// Whether nothing is added to a divisor that one could choose.
        var isWithoutEpsilon: Bool { [.adafactor, .sgd, .lion, .lion8Bit].contains(self) }
    }

    /// The rule that `optim` names.
    var rule: Rule { Self.names[name] ?? .adamW }

    init(_ values: OptionValues) {
        name = values.text("optim")
        options = Self.parsed(values.optionalText("optim_args") ?? "")
        loraPlusRatio = values.optionalNumber("loraplus_lr_ratio")
        loraPlusEmbeddingRate = values.number("loraplus_lr_embedding")
        method = Self.methods(values).first ?? .plain
        galore = GaLore.Settings(
            rank: values.integer("galore_rank"), interval: values.integer("galore_update_interval"),
            scale: values.number("galore_scale"), side: values.word("galore_proj_type"))
        galoreTargets = values.list("galore_target")
        apollo = APOLLO.Settings(
            rank: values.integer("apollo_rank"), interval: values.integer("apollo_update_interval"),
            scale: values.number("apollo_scale"), side: values.word("apollo_proj_type"),
            isRandom: values.text("apollo_proj") == "random",
            scalesTensors: values.text("apollo_scale_type") == "tensor",
            scalesFirst: values.flag("apollo_scale_front"), seed: UInt64(values.integer("seed")))
        apolloTargets = values.list("apollo_target")
        badamTurns =
            values.text("badam_mode") == "layer"
            ? values.optionalText("badam_switch_mode").flatMap(BlockTurns.Order.init) ?? .ascending
            : nil
        badamStart = values.optionalInteger("badam_start_block")
        badamInterval = values.optionalInteger("badam_switch_interval") ?? 50
        badamRatio = values.number("badam_update_ratio")
        badamScatters = values.text("badam_mask_mode") == "scatter"
    }

    /// What replaces the rule, in the reference's order; one at most makes sense.
    static func methods(_ values: OptionValues) -> [Method] {
        Method.allCases.filter { method in
            switch method {
            case .plain: false
            case .loraPlus: values.optionalNumber(method.rawValue) != nil
            default: values.flag(method.rawValue)
            }
        }
    }

    /// `momentum=0.9, nesterov=true` by name; what has no value has an empty one.
    static func parsed(_ text: String) -> [String: String] {
        var options: [String: String] = [:]
        for part in text.replacing(" ", with: "").split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            if let name = pair.first { options[name] = pair.count > 1 ? pair[1] : "" }
        }
        return options
    }
}
