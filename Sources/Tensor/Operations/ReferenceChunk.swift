import FledgeKernels
import Foundation

/// The logits of a reference for the chunk of rows that a loss is at, and then its distribution in
/// their place.
final class ReferenceChunk {
    private let product: HeadProduct
    private let logits: Tensor
    /// Elements that are turned from logits to probabilities at once: they stay in the first cache.
    private static let stretch = 2048

    init(_ product: HeadProduct, _ policy: HeadProduct) {
        precondition(
            product.vocabulary == policy.vocabulary && product.sums == policy.sums,
            "headLoss: \(policy.vocabulary) tokens in \(policy.sums), a reference of "
                + "\(product.vocabulary) in \(product.sums)")
        (self.product, logits) = (product, product.chunk())
    }

    /// Sets the logits of the next chunk.
    func compute(_ range: Range<Int>) { product.computeLogits(range, into: logits) }

    /// Σ q·(ln q − ln p) for the distributions `q` of a row here and `p` of a row of the policy's logits;
    /// `q` takes the place of the logits.
    func divergence(_ index: Int, of policy: UnsafeRawPointer, logSum: Double) -> Double {
        let row = row(index)
        let own = Kernels.of(product.sums).log_sum_exp(row, product.vocabulary)
        return product.sums == .float64
            ? divergence(row, policy, Double.self, own) - own + logSum
            : divergence(row, policy, Float.self, own) - own + logSum
    }

    /// Subtracts `factor` times the distribution of a row.
    func subtract(_ index: Int, from gradients: UnsafeMutableRawPointer, factor: Double) {
        guard factor != 0 else { return }
        Kernels.of(product.sums).scale_add(gradients, row(index), -factor, product.vocabulary)
    }

    private func row(_ index: Int) -> UnsafeMutableRawPointer {
        logits.freshPointer + index * product.vocabulary * product.sums.byteCount
    }

    /// Σ q·(logit − policy's logit); the logits become `q`.
    private func divergence<Scalar: BinaryFloatingPoint>(
        _ row: UnsafeMutableRawPointer, _ policy: UnsafeRawPointer, _ scalar: Scalar.Type,
        _ logSum: Double
    ) -> Double {
        let (row, policy) = (
            row.assumingMemoryBound(to: scalar), policy.assumingMemoryBound(to: scalar)
        )
        let kernels = Kernels.of(product.sums)
        return withUnsafeTemporaryAllocation(of: scalar, capacity: Self.stretch) { scratch in
            guard let probabilities = scratch.baseAddress else { return 0 }
            var total = 0.0
            for begin in stride(from: 0, to: product.vocabulary, by: Self.stretch) {
                let count = min(Self.stretch, product.vocabulary - begin)
                // The kernel takes 1 from its target, which is set by itself.
                kernels.probability_gradient(probabilities, row + begin, logSum, count, 0, 1)
                probabilities[0] = Scalar(exp(Double(row[begin]) - logSum))
                var part = 0.0
                for index in 0..<count {
                    let at = begin + index
                    part += Double(probabilities[index] * (row[at] - policy[at]))
                    row[at] = probabilities[index]
                }
                total += part
            }
            return total
        }
    }
}
