internal import FledgeCore
internal import FledgeTensor

extension Trainer {
    /// The error of a loss that is not finite, with advice by its cause: the step before it, the
    /// checkpoint that this process began with, or the weights that were loaded.
    func failure(_ message: String, _ run: TrainingRun) -> FledgeError {
        guard run.step == run.firstStep else {
            return FledgeError(
                .notFinite, message,
                advice: "Lower learning_rate, or resume from an earlier checkpoint.")
        }
        if let checkpoint = run.resumedFrom {
            return FledgeError(
                .notFinite, message,
                advice:
                    "The weights of \(checkpoint) are spoiled: the run went wrong before it was saved. "
                    + "Resume from an earlier checkpoint, or start anew with a lower learning_rate."
            )
        }
        let spoiled = FiniteCheck.firstSpoiled(
            stage.parameters.map { (name: $0.name, tensor: $0.kept) })
        return FledgeError(
            .notFinite, message,
            advice: (spoiled.map { "\($0) holds numbers that are not finite. " } ?? "")
                + "No step has been made, so the cause lies in the weights that were loaded: the model's or the adapter's files are damaged, or their numbers too large."
        )
    }
}
