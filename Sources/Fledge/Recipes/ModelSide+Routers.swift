internal import FledgeCore
internal import FledgeData
internal import FledgeModel
internal import FledgeTensor

/// The loss that keeps the routers of experts balanced (reference: 03 §7).
extension ModelSide {
    /// How much it counts: what `moe_aux_loss_coef` says, else what config.json does with
    /// `output_router_logits`.
    ///
    /// - Throws: ``FledgeError`` where it is asked for and the model has no routers, or what it would train
    ///   is kept.
    static func auxiliaryWeight(
        of model: some CausalLM, _ configuration: RunConfiguration
    ) throws -> Double {
        let asked = configuration.model.auxiliaryLossWeight ?? 0
        guard model.routesTokens else {
            guard asked == 0 else {
                throw FledgeError(
                    .configuration,
                    "moe_aux_loss_coef is \(asked), and the model has no experts to balance.",
                    advice: "Leave it out.")
            }
            return 0
        }
        let quirks = configuration.finetuning.referenceQuirks
        let isIgnored =
            quirks.contains(.auxiliaryLossIgnored)
            && !reachedByReference.contains(model.configuration.modelType)
        let json = model.configuration.reader
        let stated =
            try json.flag("output_router_logits") ?? false
            ? try json.optionalNumber("router_aux_loss_coef") ?? usualWeight : 0
        let weight = asked != 0 && !isIgnored ? asked : stated
        guard weight.isFinite else {
            throw json.wrong("router_aux_loss_coef", "a finite number")
        }
        guard weight == 0 || !configuration.finetuning.cachesFrozenActivations else {
            throw FledgeError(
                .configuration,
                "cache_frozen_activations does not go with the auxiliary loss of routers, which counts those of frozen blocks too.",
                advice: asked != 0
                    ? "Leave one of the two out."
                    : "config.json says \"output_router_logits\": true: set it to false, or leave cache_frozen_activations out."
            )
        }
        return weight
    }

    /// The families whose models the reference hands the weight to.
    private static let reachedByReference: Set = ["qwen2_moe"]
    /// What transformers' configurations have where a file says nothing.
    private static let usualWeight = 0.001

    /// What the user should know about it.
    var auxiliaryNotes: [String] {
        auxiliaryWeight == 0
            ? []
            : [
                "The auxiliary loss of routers counts \(auxiliaryWeight) times; it is in the loss, and reported as aux_loss."
            ]
    }
}
