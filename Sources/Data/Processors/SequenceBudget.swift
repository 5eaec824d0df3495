/// How many tokens of a question and its answer fit.
public enum SequenceBudget {
    /// The tokens to keep of both; what is cut is cut at the right.
    public static func lengths(
        source: Int, target: Int, cutoff: Int
    ) -> (source: Int, target: Int) {
        let mostTarget: Int
        if 2 * target < cutoff {
            mostTarget = cutoff
        } else if 2 * source < cutoff {
            mostTarget = cutoff - source
        } else {
            // Nothing at all to share leaves nothing to divide by.
            let total = Double(max(source + target, 1))
            mostTarget = Int(Double(cutoff) * (Double(target) / total))
        }
        let keptTarget = min(mostTarget, target)
        return (min(max(cutoff - keptTarget, 0), source), keptTarget)
    }
}
