internal import Foundation

/// What the answers of a pass cost, and the slopes of that in the numbers that the model gives.
struct PolicyBatchCosts {
    /// The loss sum.
    private(set) var total = 0.0
    /// The slope of the loss sum in ln p of each prediction.
    private(set) var slopes: [Double]
    /// The slope of the loss sum in each value; empty where none are learned.
    private(set) var valueSlopes: [Double]
    /// Tokens whose probability has changed though the weights have not.
    private(set) var strayed = 0
    private let options: PolicyOptions
    private var sums = Sums()

    private struct Sums {
        var tokens = 0.0
        var weight = 0.0
        var policy = 0.0
        var value = 0.0
        var penalty = 0.0
        var correction = 0.0
        var entropy = 0.0
        var ratio = 0.0
        var clippedLow = 0.0
        var clippedHigh = 0.0
        var clippedValues = 0.0
        var change = 0.0
    }

    init(count: Int, _ options: PolicyOptions) {
        slopes = [Double](repeating: 0, count: count)
        valueSlopes = slopes
        self.options = options
    }

    /// Takes an answer in.
    ///
    /// - Parameters:
    ///   - range: Its predictions in the batch.
    ///   - isFirst: Whether the weights are those that gave the answer.
    mutating func add(
        _ answer: PolicyAnswer, _ range: Range<Int>, new: ArraySlice<Double>,
        values: ArraySlice<Double>?, entropies: ArraySlice<Double>, isFirst: Bool
    ) {
        sums.weight += answer.weight(options.reduction)
        guard answer.isLearned else { return }
        let factor = options.reduction.factor(ofTokens: answer.count)
        let new = Array(new)
        let old = answer.old.isEmpty ? new : answer.old
        var tokens = PolicyTokens(new: new, old: old, advantages: answer.advantages)
        if let correction = options.correction {
            let weights = correction.weights(of: tokens, drawn: answer.drawn)
            sums.correction += weights.reduce(0, +)
            tokens = tokens.weighted(by: weights)
        }
        if !answer.weights.isEmpty { tokens = tokens.weighted(by: answer.weights) }
        let costs = options.loss(tokens)
        let penalties = options.penalty?(tokens, reference: answer.reference)
        for t in 0..<answer.count {
            let place = range.lowerBound + t
            slopes[place] = (costs.slopes[t] + (penalties?.slopes[t] ?? 0)) * factor
            sums.policy += costs.losses[t] * factor
            sums.penalty += (penalties?.losses[t] ?? 0) * factor
            sums.ratio += costs.ratios[t]
            let change = new[t] - old[t]
            if isFirst, change != 0 { strayed += 1 }
            sums.change += expm1(change) - change
            if costs.isClipped[t] {
                if costs.ratios[t] < 1 { sums.clippedLow += 1 } else { sums.clippedHigh += 1 }
            }
        }
        if let values, !answer.returns.isEmpty {
            for (t, value) in values.enumerated() {
                let cost = options.valueLoss(
                    value, before: answer.values[t], target: answer.returns[t])
                sums.value += cost.value * factor
                valueSlopes[range.lowerBound + t] = options.valueWeight * cost.slope * factor
                if cost.isClipped { sums.clippedValues += 1 }
            }
        }
        sums.tokens += Double(answer.count)
        sums.entropy += entropies.reduce(0, +)
    }

    /// Sums up; of a pass whose ratios are beyond the limit nothing is left.
    mutating func finish() {
        total = sums.policy + options.valueWeight * sums.value + sums.penalty
        guard let limit = options.ratioLimit, sums.tokens > 0, sums.ratio / sums.tokens > limit
        else { return }
        total = 0
        slopes = slopes.map { _ in 0 }
        valueSlopes = slopes
    }

    /// What is reported.
    var metrics: [String: Metric] {
        guard sums.tokens > 0 else { return [:] }
        func ofTokens(_ sum: Double) -> Metric { Metric(sum: sum, weight: sums.tokens) }
        var metrics = [
            "policy_loss": Metric(sum: sums.policy, weight: sums.weight),
            "entropy": ofTokens(sums.entropy), "ratio": ofTokens(sums.ratio),
            "clip_fraction/low": ofTokens(sums.clippedLow),
            "clip_fraction/high": ofTokens(sums.clippedHigh),
            "policy_change": ofTokens(sums.change),
        ]
        if options.penalty != nil {
            metrics["kl_loss"] = Metric(sum: sums.penalty, weight: sums.weight)
        }
        if options.correction != nil { metrics["correction"] = ofTokens(sums.correction) }
        if options.estimator.usesValues {
            metrics["value_loss"] = Metric(sum: sums.value, weight: sums.weight)
            metrics["clip_fraction/values"] = ofTokens(sums.clippedValues)
        }
        return metrics
    }
}
