/// What options of optimizers demand of each other and of the rest.
struct OptimizerRules {
    private let values: OptionValues

    init(_ values: OptionValues) { self.values = values }

    /// Throws for the first rule that is broken.
    func check() throws {
        let methods = OptimizerArguments.methods(values)
        let names = methods.map(\.rawValue)
        try values.require(
            methods.count < 2,
            "Each of \(names.map { "`\($0)`" }.joined(separator: " and ")) decides how weights are trained.",
            names, advice: "Set only one of them.")
        let isLoRA = values.text("finetuning_type") == "lora"
        let isWhole: Set<OptimizerArguments.Method> = [.galore, .apollo, .badam]
        if let method = methods.first {
            try values.require(
                !(isLoRA && isWhole.contains(method)),
                "Cannot use LoRA with GaLore, APOLLO or BAdam together: `\(method.rawValue)` is for weights, not for adapters.",
                [method.rawValue],
                advice: "Set finetuning_type: full or freeze, or leave \(method.rawValue) out.")
            try values.require(
                isLoRA || method != .loraPlus,
                "`loraplus_lr_ratio` is only valid for LoRA training.", [method.rawValue],
                advice: "Leave it out, or set finetuning_type: lora.")
            try checkRule(method)
            try checkLayerwise(method)
        }
        try values.require(
            !values.flag("use_badam") || values.text("badam_mode") != "layer"
                || values.optionalText("badam_switch_mode") != "fixed"
                || values.optionalInteger("badam_start_block") != nil,
            "`badam_switch_mode: fixed` trains one block alone, which `badam_start_block` names.",
            ["badam_switch_mode"], advice: "Set badam_start_block, such as 0 for the first block.")
        try checkOptions()
    }

    /// The rules that can be a part of others.
    private func checkRule(_ method: OptimizerArguments.Method) throws {
        let rule = OptimizerArguments(values).rule
        let allowed: [OptimizerArguments.Rule] =
            switch method {
            case .galore: [.adamW, .adamW8Bit, .adafactor]
            case .apollo, .adamMini, .muon: [.adamW]
            case .badam:
                values.text("badam_mode") == "layer" ? [.adamW, .adamW8Bit] : [.adamW]
            case .loraPlus, .plain: [rule]
            }
        let words = OptimizerArguments.names.filter { allowed.contains($0.value) }.keys.sorted()
        try values.require(
            allowed.contains(rule),
            "`\(method.rawValue)` does not go with `optim: \(values.text("optim"))`.",
            ["optim", method.rawValue],
            advice: "Set optim to one of \(words.joined(separator: ", ")).")
    }

    private func checkLayerwise(_ method: OptimizerArguments.Method) throws {
        for (user, key) in [
            (OptimizerArguments.Method.galore, "galore_layerwise"), (.apollo, "apollo_layerwise"),
        ] where method == user && values.flag(key) {
            try values.require(
                values.integer("gradient_accumulation_steps") == 1,
                "`\(key)` does not go with gradient accumulation.",
                [key, "gradient_accumulation_steps"],
                advice:
                    "Set gradient_accumulation_steps: 1, or leave \(key) out, which changes no number."
            )
        }
    }

    private func checkOptions() throws {
        guard values.text("optim") == "sgd" else { return }
        let known = ["momentum", "dampening", "nesterov"]
        let options = OptimizerArguments.parsed(values.optionalText("optim_args") ?? "")
        for (name, value) in options.sorted(by: { $0.key < $1.key }) {
            try values.require(
                known.contains(name),
                "`optim_args` has \(name); sgd takes \(known.joined(separator: ", ")).",
                ["optim_args"], advice: "Write it as momentum=0.9,nesterov=true.")
            try values.require(
                name == "nesterov" || (Double(value).map { $0 >= 0 && $0.isFinite } ?? false),
                "`optim_args` has \(name)=\(value), where a number from 0 on is expected.",
                ["optim_args"], advice: "Write it as momentum=0.9,nesterov=true.")
        }
        let isNesterov = ["true", "1", "yes"].contains(options["nesterov"]?.lowercased())
        try values.require(
            !isNesterov
                || ((Double(options["momentum"] ?? "") ?? 0) > 0
                    && (Double(options["dampening"] ?? "") ?? 0) == 0),
            "`optim_args` has nesterov, which needs a momentum and no dampening.", ["optim_args"],
            advice: "Write it as momentum=0.9,nesterov=true.")
    }
}
