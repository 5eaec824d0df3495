internal import FledgeModel
internal import FledgeTrain

extension RunConfiguration {
    /// The optimizer that `optim`, `use_muon` and the like describe.
    func optimizer(for model: DecoderConfiguration) -> any Optimizer {
        let (options, arguments) = (training, training.optimizer)
        let adam = AdamW(
            beta1: options.adamBeta1, beta2: options.adamBeta2, epsilon: options.adamEpsilon,
            weightDecay: options.weightDecay)
        func withBiasesAlone(_ rule: any DecayingOptimizer) -> any DecayingOptimizer {
            // The reference leaves out biases only where it makes the groups itself.
            var rule = rule
            rule.decayRule = .allButBiases
            return rule
        }
        switch arguments.method {
        case .plain: return rule(adam)
        case .galore:
            let early = EarlyEpsilonAdamW(adam, decaysAfterStep: true)
            let base: any DecayingOptimizer & ZeroStateOptimizer =
                switch arguments.rule {
                case .adamW8Bit: AdamW8Bit(adam, compressesEmbeddings: true)
                case .adafactor: Adafactor(weightDecay: options.weightDecay)
                default: early
                }
            return GaLore(arguments.galore, base, targets: MatrixTargets(arguments.galoreTargets))
        case .apollo:
            return APOLLO(
                arguments.apollo, EarlyEpsilonAdamW(adam, decaysAfterStep: true),
                targets: MatrixTargets(arguments.apolloTargets))
        case .loraPlus:
            let rate = options.learningRate
            return LoRAPlus(
                withBiasesAlone(rule(adam, compressesEmbeddings: true)),
                ratio: arguments.loraPlusRatio ?? 1,
                embeddingFactor: rate > 0 ? arguments.loraPlusEmbeddingRate / rate : 0)
        case .badam:
            guard let order = arguments.badamTurns else {
                return BAdamRatio(
                    adam, ratio: arguments.badamRatio, scatters: arguments.badamScatters,
                    seed: options.seed)
            }
            return BAdam(
                withBiasesAlone(rule(adam, compressesEmbeddings: true)),
                BlockTurns(
                    order, interval: arguments.badamInterval, start: arguments.badamStart,
                    seed: options.seed))
        case .adamMini:
            return AdamMini(
                adam, headSize: model.hiddenSize * model.hiddenSize / max(1, model.headCount))
        case .muon: return Muon(rest: adam)
        }
    }

    private func rule(
        _ adam: AdamW, compressesEmbeddings: Bool = false
    ) -> any DecayingOptimizer {
        let decay = adam.weightDecay
        switch training.optimizer.rule {
        case .adamW: return adam
        case .adamW8Bit: return AdamW8Bit(adam, compressesEmbeddings: compressesEmbeddings)
        case .adafactor: return Adafactor(weightDecay: decay)
        case .sgd:
            let options = training.optimizer.options
            func number(_ name: String) -> Double { Double(options[name] ?? "") ?? 0 }
            return SGD(
                momentum: number("momentum"), dampening: number("dampening"),
                isNesterov: ["true", "1", "yes"].contains(options["nesterov"]?.lowercased()),
                weightDecay: decay)
        case .lion, .lion8Bit:
            return Lion(
                beta1: adam.beta1, beta2: adam.beta2, weightDecay: decay,
                compresses: training.optimizer.rule == .lion8Bit,
                compressesEmbeddings: compressesEmbeddings)
        case .scheduleFree:
            // A schedule with warm-up of its own needs none inside the rule.
            guard training.schedule == .constant, case .steps(let count) = training.warmup else {
                return ScheduleFreeAdamW(adam)
            }
            return ScheduleFreeAdamW(adam, warmup: count)
        }
    }
}
