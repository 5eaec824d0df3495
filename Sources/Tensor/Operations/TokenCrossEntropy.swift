public import FledgeCore

/// Σ weightᵢ·(-log softmax(hidden[rowᵢ]·headᵀ)[targetᵢ]), fused with the head.
///
/// - Parameters:
///   - hidden: `[tokens, channels]`.
///   - head: `[vocabulary, channels]`; its matrix may be trainable, and the embedding's parameter too.
///   - supervision: The predictions that count.
/// - Returns: A number, float32 (float64 for float64): the sum, not a mean.
public func tokenCrossEntropy(
    _ hidden: Tensor, head: LanguageHead, _ supervision: Supervision
) -> Tensor {
    headLoss(hidden, head: head, supervision, CrossEntropyLoss())
}

/// ℓ = −ln p(target).
public struct CrossEntropyLoss: TokenLoss {
    /// Creates the loss.
    public init() {}

    /// ℓ and its slope.
    public func slope(of row: LogitRow) -> TokenSlope {
        TokenSlope(value: row.crossEntropy, target: 1)
    }
}
