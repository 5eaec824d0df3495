import FledgeKernels
import Foundation

/// Draws a token from the softmax of logits: the first at which the sum of probabilities, in the order of
/// the vocabulary, passes a number.
///
/// - Parameters:
///   - logits: Those of the vocabulary; not empty.
///   - temperature: What they are divided by, above zero.
///   - uniform: From 0 on and below 1.
/// - Returns: The token and its ln p; nil where the logits are no finite numbers.
package func categoricalDraw(
    _ logits: [Float], temperature: Float, at uniform: Double
) -> (index: Int, logProbability: Double)? {
    var logits = logits
    if temperature != 1 { for index in logits.indices { logits[index] /= temperature } }
    let kernels = Kernels.of(.float32)
    // Elements that become probabilities at once: they stay in the first cache.
    let stretch = 2048
    return logits.withUnsafeBufferPointer { logits -> (Int, Double)? in
        guard let base = logits.baseAddress else { return nil }
        let logSum = kernels.log_sum_exp(base, logits.count)
        guard logSum.isFinite else { return nil }
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: stretch) { scratch in
            guard let probabilities = scratch.baseAddress else { return nil }
            var (sum, last) = (0.0, 0)
            for begin in stride(from: 0, to: logits.count, by: stretch) {
                let count = min(stretch, logits.count - begin)
                // The kernel takes 1 from its target, which is set by itself.
                kernels.probability_gradient(probabilities, base + begin, logSum, count, 0, 1)
                probabilities[0] = Float(exp(Double(base[begin]) - logSum))
                for index in 0..<count where probabilities[index] > 0 {
                    sum += Double(probabilities[index])
                    last = begin + index
                    if sum > uniform { return (last, Double(base[last]) - logSum) }
                }
            }
            // Rounding may leave something over.
            return (last, Double(base[last]) - logSum)
        }
    }
}
