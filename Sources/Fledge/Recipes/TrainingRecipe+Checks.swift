internal import FledgeCore
internal import FledgeData
internal import FledgeModel
internal import FledgeTensor

/// What a run refuses before it begins, and what the user should know about it.
extension TrainingRecipe {
    func announceDrops(_ drops: [FledgeError.Location: String]) {
        guard let first = drops.min(by: { $0.key.description < $1.key.description }) else { return }
        announce(
            "\(drops.count) streamed rows were dropped, one at \(first.key): \(first.value).")
    }

    func precision(of side: ModelSide) -> String {
        let kernels = "kernels: \(Kernels.signature), \(Kernels.threads) threads."
        guard side.model.elementType == .float32 else {
            let trained =
                side.adapters != nil
                ? "adapters and optimizer float32"
                : configuration.training.keepsMasters
                    ? "masters of what is trained and optimizer float32"
                    : "the optimizer's states float32, without masters"
            return "Weights and activations are bfloat16, \(trained); " + kernels
        }
        let declared = side.model.configuration.declaredType
        let note = declared.map { $0 == "float32" ? "" : " (the model declares \($0))" } ?? ""
        return "Everything is float32\(note), bf16: true halves the memory; " + kernels
    }

    /// Refuses to evaluate nothing.
    ///
    /// - Throws: ``FledgeError`` when there is no evaluation set, or one without a token to predict.
    func requireEvaluable<Method: TrainingMethod>(
        _ data: StageData<Method.Sample>, _ method: Method
    ) throws {
        guard configuration.training.evaluates || configuration.training.predicts else { return }
        guard !data.evaluations.isEmpty else {
            throw FledgeError(
                .data, "There is nothing to evaluate: the data have no evaluation set.",
                advice:
                    "Name an eval_dataset or a val_size, or leave eval_strategy and do_eval out.")
        }
        // Questions are answered, and have nothing to predict.
        guard method.rollouts(configuration) == nil else { return }
        for set in data.evaluations
        where !set.rows.contains(where: {
            method.size(of: $0, sharesPrefixes: false, configuration).supervised > 0
        }) {
            throw FledgeError(
                .data,
                "There is nothing to evaluate: of \(set.rows.count) rows in the \(set.name) set none has a token to predict.",
                advice:
                    "fledge preprocess --split validation shows the rows; a short cutoff_len can cut every answer off, a small val_size can leave none."
            )
        }
    }

    /// Names the known faults of the reference that would change this run if they were brought back.
    func announceQuirks() {
        let active = configuration.finetuning.referenceQuirks
        if !active.isEmpty {
            announce(
                "Brought back from the reference: " + active.names.joined(separator: ", ") + ".")
        }
        var changing: [String] = []
        if configuration.training.evaluates, !active.contains(.evaluationBatchMean) {
            changing.append("eval_batch_mean")
        }
        if configuration.data.packing == true, configuration.packs {
            if !active.contains(.cutoffMinusOne) { changing.append("cutoff_minus_one") }
            // Texts see what is before them in the block.
            if !active.contains(.packingAttention), !configuration.data.neatPacking,
                !configuration.method.rows.isText
            {
                changing.append("packing_attention")
            }
        }
        if configuration.data.trainsOnPrompt, !active.contains(.unshiftedLabelCount) {
            changing.append("unshifted_label_count")
        }
        if !changing.isEmpty {
            announce(
                "Done right here and differently by the reference: "
                    + changing.joined(separator: ", ") + " (reference_quirks brings it back).")
        }
    }
}
