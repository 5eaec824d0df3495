internal import FledgeCore
internal import FledgeTensor

/// Causal self-attention with rotary positions and grouped key/value heads.
public final class SelfAttention: Module {
    let query: Linear
    let key: Linear
    let value: Linear
    let output: Linear
    let headCount: Int
    let keyValueHeadCount: Int
    let headDimension: Int
    let scale: Float

    /// Creates a layer from its four projections.
    ///
    /// - Parameter scale: What scores are multiplied by; `1/√headDimension` when left out.
    public init(
        query: Linear, key: Linear, value: Linear, output: Linear, headCount: Int,
        keyValueHeadCount: Int, headDimension: Int, scale: Float? = nil
    ) {
        precondition(
            query.outputCount == headCount * headDimension
                && key.outputCount == keyValueHeadCount * headDimension
                && value.outputCount == key.outputCount && output.inputCount == query.outputCount,
            "\(query.name): projections do not fit \(headCount) heads of \(headDimension)")
        (self.query, self.key, self.value, self.output) = (query, key, value, output)
        (self.headCount, self.keyValueHeadCount) = (headCount, keyValueHeadCount)
        self.headDimension = headDimension
        self.scale = scale ?? 1 / Float(headDimension).squareRoot()
    }

    /// Lists the projections.
    public func describe(to description: inout ModuleDescription) {
        description.add(query)
        description.add(key)
        description.add(value)
        description.add(output)
    }

    /// Attends inside the sequences of the run; `x` has shape `[tokens, channels]`.
    func callAsFunction(
        _ x: Tensor, rotary: RotaryTable, layout: SequenceLayout, positions: [Int32],
        _ pass: ForwardPass
    ) -> Tensor {
        let (q, k, v) = projections(x, rotary: rotary, positions: positions, pass)
        let attended = causalAttention(
            q, k, v, layout: layout, heads: headCount, keyValueHeads: keyValueHeadCount,
            scale: scale)
        return output(attended, pass)
    }

    /// Attends over a cache, into which the tokens of `x` are put first.
    func callAsFunction(
        _ x: Tensor, rotary: RotaryTable, run: CachedRun, cache: inout KeyValueBlock,
        _ pass: ForwardPass
    ) -> Tensor {
        let (q, k, v) = projections(x, rotary: rotary, positions: run.positions, pass)
        cache.store(keys: k, values: v, at: run.rows)
        let attended = cachedAttention(
            q, cache, run, heads: headCount, keyValueHeads: keyValueHeadCount, scale: scale)
        return output(attended, pass)
    }

    private func projections(
        _ x: Tensor, rotary: RotaryTable, positions: [Int32], _ pass: ForwardPass
    ) -> (Tensor, Tensor, Tensor) {
        let q = rotaryEmbedded(
            query(x, pass), rotary, positions: positions, headDimension: headDimension)
        let k = rotaryEmbedded(
            key(x, pass), rotary, positions: positions, headDimension: headDimension)
        return (q, k, value(x, pass))
    }
}
