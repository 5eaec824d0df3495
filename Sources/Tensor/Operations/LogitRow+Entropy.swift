import FledgeKernels
import Foundation

extension LogitRow {
    /// Elements that become probabilities at once: they stay in the first cache.
    private static var stretch: Int { 2048 }

    /// −Σ p·ln p of the model's distribution.
    public var entropy: Double {
        // ln p is logit − ln Σ exp, whose second part all tokens share.
        let mean =
            type == .float64
            ? meanLogit(logits.assumingMemoryBound(to: Double.self))
            : meanLogit(logits.assumingMemoryBound(to: Float.self))
        // Rounding may put the entropy of a certainty below zero.
        return max(0, logSum - mean)
    }

    /// Σ p·logit.
    private func meanLogit<Scalar: BinaryFloatingPoint>(_ row: UnsafePointer<Scalar>) -> Double {
        let kernels = Kernels.of(type)
        return withUnsafeTemporaryAllocation(of: Scalar.self, capacity: Self.stretch) { scratch in
            guard let probabilities = scratch.baseAddress else { return 0 }
            var total = 0.0
            for begin in stride(from: 0, to: count, by: Self.stretch) {
                let part = min(Self.stretch, count - begin)
                // The kernel takes 1 from its target, which is set by itself.
                kernels.probability_gradient(probabilities, row + begin, logSum, part, 0, 1)
                probabilities[0] = Scalar(exp(Double(row[begin]) - logSum))
                var sum = Scalar.zero
                for index in 0..<part { sum += probabilities[index] * row[begin + index] }
                total += Double(sum)
            }
            return total
        }
    }
}
