internal import FledgeCore
internal import FledgeTrain

/// What the folder of a reward model tells about how well it was learned.
enum RewardModelResults {
    /// A sentence about the share of its own pairs that it has in the right order; nil where nothing is
    /// known. Below chance it is a warning.
    static func note(_ folder: String) -> String? {
        guard let (accuracy, isHeldOut) = accuracy(folder) else { return nil }
        let pairs = isHeldOut ? "pairs that were held out" : "pairs that it was trained on"
        let share = "\((100 * accuracy).rounded(places: 1))% of the \(pairs) in the right order"
        return accuracy < 0.5
            ? "Warning: the reward model in \(folder) had \(share), fewer than by chance: whoever learns from it learns the contrary."
            : "The reward model in \(folder) had \(share)."
    }

    private static func accuracy(_ folder: String) -> (value: Double, isHeldOut: Bool)? {
        for name in ["eval_results.json", "all_results.json"] {
            let results = try? JSONValue(contentsOf: folder + "/" + name)
            if let value = results?["eval_accuracy"]?.doubleValue { return (value, true) }
        }
        let state = try? TrainerState(path: folder + "/" + TrainerState.fileName)
        for (key, isHeldOut) in [("eval_accuracy", true), ("accuracy", false)] {
            if let value = state?.logHistory.last(where: { $0[key] != nil })?[key] {
                return (value, isHeldOut)
            }
        }
        return nil
    }
}
