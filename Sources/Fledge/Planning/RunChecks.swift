internal import FledgeCore
internal import FledgeModel
internal import FledgeTokenize
internal import FledgeTrain

/// What can be wrong with a run beside its rows.
package struct RunChecks {
    let configuration: RunConfiguration

    /// Creates checks of a run.
    package init(configuration: RunConfiguration) { self.configuration = configuration }

    /// The faults of a template with a tokenizer.
    func faults(of text: TextSide) -> [RunFault] {
        let foreign = text.template.marks.filter { mark in
            // A vocabulary may have it and the tokenizer not look for it.
            text.tokenizer.encode(mark, specials: .parse).count > 1
        }
        guard !foreign.isEmpty else { return [] }
        return [
            RunFault(
                .foreignTemplate,
                "The template \(text.template.name) writes \(foreign.joined(separator: ", ")), "
                    + "which this tokenizer knows as ordinary text.",
                advice: "Choose the template of this model.")
        ]
    }

    /// The faults of a model with a tokenizer and the longest rows to train and to evaluate on.
    func faults(
        of text: TextSide, _ model: DecoderConfiguration, longestRow: Int,
        longestEvaluation: Int = 0
    ) -> [RunFault] {
        var faults = [RunFault]()
        if text.tokenizer.vocabularyCount > model.vocabularySize {
            faults.append(
                RunFault(
                    .missingVectors,
                    "The tokenizer has \(text.tokenizer.vocabularyCount) tokens, the model vectors for \(model.vocabularySize).",
                    advice: text.vectorAdvice))
        }
        let longest = model.maxPositions
        let isEvaluation = longestRow <= longest
        let most = isEvaluation ? longestEvaluation : longestRow
        if case .none = model.ropeScaling, most > longest {
            faults.append(
                RunFault(
                    .contextExceeded,
                    "The longest row\(isEvaluation ? " for evaluation" : "") has \(most) tokens, the model was made for \(longest).",
                    advice: "Set cutoff_len: \(longest)."))
        }
        return faults
    }

    /// The faults of the course of training.
    func faults(of plan: TrainingPlan) -> [RunFault] {
        let options = configuration.training
        var faults = [RunFault]()
        guard plan.totalSteps > 0 else {
            return [
                RunFault(
                    .noSteps, "There is no step to train.",
                    advice:
                        "num_train_epochs may be 0, or dataloader_drop_last leaves no full batch.")
            ]
        }
        let warmup = options.schedule.warmsUp ? options.warmup.count(of: plan.totalSteps) : 0
        if warmup >= plan.totalSteps, plan.totalSteps > 1 {
            faults.append(
                RunFault(
                    .warmupTooLong,
                    "The learning rate rises for \(warmup) steps, the run has \(plan.totalSteps).",
                    advice: "Lower warmup_steps or warmup_ratio."))
        }
        let limit = configuration.finetuning.method == .lora ? 0.05 : 0.01
        // Changes by SGD are as long as the gradient, which may be short.
        if options.learningRate >= limit, options.optimizer.rule != .sgd {
            faults.append(
                RunFault(
                    .learningRateTooHigh, "The learning rate is \(options.learningRate).",
                    advice:
                        "AdamW diverges there; usual are 1e-4 for adapters and 1e-5 for weights."
                ))
        }
        return faults
    }

    /// The fault of a prediction that does not fit the machine.
    package func faults(of memory: MemoryPlan, available: Int?) -> [RunFault] {
        let needed = memory.prediction.peak - memory.prediction.weights
        guard let available, needed > available else { return [] }
        let (what, advice) =
            switch memory.most {
            case .step:
                (
                    "A step",
                    "Lower per_device_train_batch_size (and raise gradient_accumulation_steps) or cutoff_len."
                )
            case .evaluation:
                ("A batch of evaluation", "Lower per_device_eval_batch_size or cutoff_len.")
            case .scoring:
                (
                    "Judging answers",
                    "Lower per_device_eval_batch_size, max_new_tokens or cutoff_len."
                )
            case .generation:
                (
                    "Generating answers",
                    "Lower per_device_eval_batch_size, max_new_tokens or cutoff_len."
                )
            }
        return [
            RunFault(
                .memoryExceeded,
                "\(what) needs \(MemoryPlan.mebibytes(needed)) beside the weights, there are \(MemoryPlan.mebibytes(available)).",
                advice: advice)
        ]
    }
}
