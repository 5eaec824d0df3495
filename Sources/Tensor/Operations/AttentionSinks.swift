import Foundation

extension AttentionOptions {
    /// The gradient of the sinks, shape `[heads]`: −Σ exp(sink − L)·rowsum(dO∘O) over the queries.
    ///
    /// - Parameters:
    ///   - logSums: Log-sum-exps with the sinks among them, shape `[tokens, heads]`.
    ///   - inner: The sums of rows of dO∘O, shape `[heads, tokens]`.
    static func gradient(ofSinks sinks: Tensor, logSums: Tensor, inner: Tensor) -> Tensor {
        let (heads, tokens) = (inner.shape[0], inner.shape[1])
        let (values, sums, products) = (sinks.doubles(), logSums.doubles(), inner.doubles())
        let gradient = (0..<heads).map { head in
            (0..<tokens).reduce(0.0) { total, row in
                total - products[head * tokens + row]
                    * exp(values[head] - sums[row * heads + head])
            }
        }
        return Tensor(gradient, shape: [heads]).converted(to: sinks.elementType)
    }
}
