import FledgeCore

/// The mean over all batches so far of a batch's mean reward: what rewards are compared with by the
/// classifier of ``PreferenceOptimization``.
final class RunningBaseline {
    private var mean = 0.0
    private var count = 0

    /// Takes the mean of a batch in.
    ///
    /// - Returns: The mean over all batches, this one included.
    func update(_ value: Double) -> Double {
        count += 1
        mean += (value - mean) / Double(count)
        return mean
    }

    /// The mean over all batches and one more, which is not taken in.
    func including(_ value: Double) -> Double { mean + (value - mean) / Double(count + 1) }

    /// Mean and count, as a checkpoint holds them.
    var state: StageState {
        get {
            StageState(
                values: [
                    "preference_baseline": ["mean": .number(mean), "count": .integer(count)]
                ])
        }
        set {
            let values = newValue.values["preference_baseline"]
            mean = values?["mean"]?.doubleValue ?? 0
            count = values?["count"]?.intValue ?? 0
        }
    }
}
