internal import Foundation

/// How far a student's distribution of the next token is from a teacher's: β·KL(q‖m) + (1 − β)·KL(p‖m)
/// with the student's p, the teacher's q and m = (1 − β)·p + β·q (generalised Jensen–Shannon divergence,
/// Agarwal et al. 2024). At the ends it is taken as the forward (β = 0) or the reverse (β = 1)
/// Kullback–Leibler divergence.
public struct DistributionDivergence: Hashable, Sendable {
    /// β: 0 for KL(q‖p), 1 for KL(p‖q).
    public var interpolation: Double

    /// Creates a divergence, the newest TRL's when all is left out.
    ///
    /// - Precondition: It is from 0 to 1.
    public init(interpolation: Double = 1) {
        precondition(
            (0...1).contains(interpolation), "DistributionDivergence: \(interpolation) of 0 to 1")
        self.interpolation = interpolation
    }

    /// The divergence in nats, and its derivative by each logit of the student.
    ///
    /// - Parameters:
    ///   - student: Logits of all tokens of the vocabulary.
    ///   - teacher: The same by the teacher.
    /// - Precondition: There are as many of both, and at least one.
    public func callAsFunction(student: [Double], teacher: [Double]) -> (
        value: Double, slopes: [Double]
    ) {
        precondition(
            student.count == teacher.count && !student.isEmpty,
            "DistributionDivergence: logits of \(student.count) and \(teacher.count) tokens")
        let (own, others) = (logarithms(student), logarithms(teacher))
        let (p, q) = (own.map { exp($0) }, others.map { exp($0) })
        if interpolation == 0 {
            return (relative(q, others, own), zip(p, q).map { $0 - $1 })
        }
        let beta = interpolation
        let (ofOwn, ofOthers) = (log1p(-beta), log(beta))
        // In logarithms, since both probabilities may be too small for a number.
        let middle = zip(own, others).map { own, others in
            let (a, b) = (own + ofOwn, others + ofOthers)
            return max(a, b) + log1p(exp(min(a, b) - max(a, b)))
        }
        let ofStudent = relative(p, own, middle)
        let weight = beta == 1 ? 1 : 1 - beta
        let slopes = p.indices.map { weight * p[$0] * (own[$0] - middle[$0] - ofStudent) }
        guard beta < 1 else { return (ofStudent, slopes) }
        return (beta * relative(q, others, middle) + weight * ofStudent, slopes)
    }

    /// ln p of logits.
    private func logarithms(_ logits: [Double]) -> [Double] {
        let largest = logits.max() ?? 0
        let sum = log(logits.reduce(0) { $0 + exp($1 - largest) }) + largest
        return logits.map { $0 - sum }
    }

    /// Σ p·(ln p − ln q).
    private func relative(_ p: [Double], _ own: [Double], _ others: [Double]) -> Double {
        p.indices.reduce(0) { $0 + p[$1] * (own[$1] - others[$1]) }
    }
}
