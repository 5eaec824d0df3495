import FledgeKernels
import Foundation

/// Which experts each token goes to, and how much each of them counts.
public struct Routing {
    /// For each token its experts, the most probable first, shape `[tokens, count]` in a list.
    public let experts: [Int32]
    /// What their outputs are multiplied by, shape `[tokens, count]`, in the type of the scores.
    public let weights: Tensor
    /// Experts of a token.
    public var count: Int { weights.shape[1] }

    /// Picks experts by the softmax of scores.
    ///
    /// - Parameters:
    ///   - scores: `[tokens, experts]`.
    ///   - count: How many each token goes to.
    ///   - normalizes: Whether the weights of a token are divided by their sum.
    ///   - balance: Counts what is picked, and adds to the gradient of the scores.
    ///   - copies: How many sequences each token belongs to, for the balance; nil for one each.
    public init(
        _ scores: Tensor, count: Int, normalizes: Bool, balance: RouterBalance? = nil,
        copies: [Int]? = nil
    ) {
        precondition(
            scores.shape.count == 2 && count > 0 && count <= scores.shape[1],
            "Routing: \(count) of scores \(scores.shape)")
        let (tokens, all) = (scores.shape[0], scores.shape[1])
        let values = scores.detached.doubles()
        var experts = [Int32](repeating: 0, count: tokens * count)
        var picked = [Double](repeating: 0, count: tokens * count)
        var probabilities = [Double](repeating: 0, count: tokens * all)
        experts.withUnsafeMutableBufferPointer { experts in
            picked.withUnsafeMutableBufferPointer { picked in
                probabilities.withUnsafeMutableBufferPointer { probabilities in
                    let (experts, picked, probabilities) = (experts, picked, probabilities)
                    parallelRows(tokens, columns: 16 * all) { rows in
                        for token in rows {
                            let own = values[token * all..<(token + 1) * all]
                            let top = own.max() ?? 0
                            let total = own.reduce(0) { $0 + exp($1 - top) }
                            for expert in 0..<all {
                                probabilities[token * all + expert] =
                                    exp(own[token * all + expert] - top) / total
                            }
                            // Of equal ones the first counts more.
                            let order = (0..<all).sorted {
                                let (a, b) = (own[token * all + $0], own[token * all + $1])
                                return a == b ? $0 < $1 : a > b
                            }.prefix(count)
                            let sum = order.reduce(0) { $0 + probabilities[token * all + $1] }
                            for (place, expert) in order.enumerated() {
                                experts[token * count + place] = Int32(expert)
                                picked[token * count + place] =
                                    probabilities[token * all + expert] / (normalizes ? sum : 1)
                            }
                        }
                    }
                }
            }
        }
        self.experts = experts
        balance?.count(
            experts: experts, probabilities: probabilities, rows: tokens, copies: copies)
        weights = Tensor(picked, shape: [tokens, count]).converted(to: scores.elementType)
            .recorded(
                [scores.tapeReference],
                RouterWeights(
                    experts: experts, picked: picked,
                    probabilities: normalizes && balance == nil ? nil : probabilities,
                    isNormalized: normalizes, balance: balance, copies: copies,
                    shape: scores.shape, type: scores.elementType))
    }
}

/// Of normalised weights w: dzⱼ = wⱼ·(dwⱼ − Σ w·dw) for the experts that were picked; of probabilities p:
/// dzᵢ = pᵢ·([i picked]·dwᵢ − Σ p·dw) for all. A balance adds pᵢ·(sᵢ − Σ p·s) of its slopes s.
struct RouterWeights: RecordedOperation {
    let experts: [Int32]
    let picked: [Double]
    /// Of all experts, where they are needed.
    let probabilities: [Double]?
    let isNormalized: Bool
    let balance: RouterBalance?
    let copies: [Int]?
    let shape: [Int]
    let type: ElementType

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        let slopes = gradient.doubles()
        let (tokens, all, count) = (shape[0], shape[1], shape[0] == 0 ? 0 : picked.count / shape[0])
        var scores = [Double](repeating: 0, count: tokens * all)
        for token in 0..<tokens {
            let range = token * count..<(token + 1) * count
            let mean = range.reduce(0) { $0 + picked[$1] * slopes[$1] }
            if let probabilities, !isNormalized {
                for expert in 0..<all {
                    let at = token * all + expert
                    scores[at] = -probabilities[at] * mean
                }
            }
            for index in range {
                let at = token * all + Int(experts[index])
                scores[at] += picked[index] * (slopes[index] - (isNormalized ? mean : 0))
            }
        }
        addBalance(to: &scores)
        pass.add(Tensor(scores, shape: shape).converted(to: type), to: 0)
    }

    private func addBalance(to scores: inout [Double]) {
        guard let slopes = balance?.slopes, !slopes.isEmpty, let probabilities else { return }
        let all = shape[1]
        for token in 0..<shape[0] {
            let own = token * all..<(token + 1) * all
            let mean = zip(own, slopes).reduce(0) { $0 + probabilities[$1.0] * $1.1 }
            let weight = Double(copies?[token] ?? 1)
            for (at, slope) in zip(own, slopes) {
                scores[at] += weight * probabilities[at] * (slope - mean)
            }
        }
    }
}
