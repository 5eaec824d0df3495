/// Says what most likely goes wrong, once for each time that it begins.
struct PolicyWarnings {
    private var known: Set<Cause> = []
    private var strayed = 0

    private enum Cause: Hashable, CaseIterable {
        case equalRewards, negativeDivergence, largeDivergence, collapsedEntropy, saturatedRatio
        case allTruncated, strayedTokens
    }

    /// Notes tokens whose probability has changed before the first update.
    mutating func noteStrayed(_ tokens: Int) { strayed += tokens }

    /// The warnings that a step gives occasion to.
    ///
    /// - Parameter metrics: Those of the answers; entropy and ratio are of the step before.
    /// - Parameter isJudged: Whether answers are judged; else the divergence is from what is imitated.
    mutating func found(in metrics: [String: Metric], isJudged: Bool) -> [String] {
        let present = Cause.allCases.filter {
            isPresent($0, metrics) && (isJudged || $0 != .largeDivergence)
        }
        defer { known = Set(present) }
        return present.filter { !known.contains($0) }.map { text($0, metrics) }
    }

    private var lastEntropy: Double?
    private var lastRatio: Double?

    /// Learns of what the updates of a step measured.
    mutating func observe(_ metrics: [String: Metric]) {
        lastEntropy = metrics["entropy"]?.value
        lastRatio = metrics["ratio"]?.value
    }

    private func isPresent(_ cause: Cause, _ metrics: [String: Metric]) -> Bool {
        func value(_ name: String) -> Double? { metrics[name]?.value }
        switch cause {
        case .equalRewards:
            return (metrics["reward"]?.weight ?? 0) > 1
                && value("reward_min") == value("reward_max")
        case .negativeDivergence: return (value("kl") ?? 0) < -1
        case .largeDivergence: return (value("kl") ?? 0) > 50
        case .collapsedEntropy: return (lastEntropy ?? 1) < 0.02
        case .saturatedRatio: return !(0.5...2).contains(lastRatio ?? 1)
        case .allTruncated: return value("completions/clipped_ratio") == 1
        case .strayedTokens: return strayed > 0
        }
    }

    private func text(_ cause: Cause, _ metrics: [String: Metric]) -> String {
        func value(_ name: String) -> String {
            metrics[name].map { format($0.value) } ?? ""
        }
        switch cause {
        case .equalRewards:
            return
                "All answers of the step were given \(value("reward")): nothing tells better from worse. The reward may not see what differs, or answers may all be alike (raise temperature)."
        case .negativeDivergence:
            return
                "The divergence from the reference is \(value("kl")): answers are drawn from another distribution than the policy's own (temperature, top_p, top_k), or the reference is another model than was meant."
        case .largeDivergence:
            return
                "The divergence from the reference is \(value("kl")) an answer: the policy has left it. Lower learning_rate, or let straying cost more."
        case .collapsedEntropy:
            return
                "The entropy is \(format(lastEntropy ?? 0)) a token: the policy answers the same way always. Lower learning_rate, raise temperature, or look whether the reward can be cheated."
        case .saturatedRatio:
            return
                "New and old probabilities differ by a factor of \(format(lastRatio ?? 0)) in the mean: updates are too large. Lower learning_rate or the number of epochs."
        case .allTruncated:
            return
                "No answer of the step came to an end of its own: raise max_new_tokens, or look whether the template's stop words are those of the model."
        case .strayedTokens:
            return
                "\(strayed) tokens had another probability before the first update than when they were judged, which should be impossible: please report this."
        }
    }

    private func format(_ value: Double) -> String {
        let rounded = (value * 1000).rounded() / 1000
        return "\(rounded)"
    }
}
