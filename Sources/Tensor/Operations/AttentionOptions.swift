/// What differs between kinds of attention, beside who sees whom.
public struct AttentionOptions {
    /// What products of queries and keys are multiplied by to be scores, usually 1 / sqrt(d).
    public var scale: Float
    /// How many of the tokens up to a query its window holds, itself among them; nil where it sees all.
    ///
    /// They are counted along the sequence, whatever positions its tokens have. Nothing is computed
    /// outside the window.
    public var window: Int?
    /// A bound that scores come near to and never reach, `c·tanh(s/c)` (Gemma 2); nil for none.
    public var softCap: Double?
    /// A score of each head that joins its softmax and has no value, shape `[heads]`, so that a query may
    /// attend to nothing (GPT-OSS): float32, or float64 where that is computed.
    public var sinks: Parameter?

    /// Creates options.
    public init(
        scale: Float, window: Int? = nil, softCap: Double? = nil, sinks: Parameter? = nil
    ) {
        precondition(
            window.map { $0 > 0 } ?? true && softCap.map { $0 > 0 && $0.isFinite } ?? true,
            "AttentionOptions: window \(window ?? 0), cap \(softCap ?? 0)")
        (self.scale, self.window, self.softCap, self.sinks) = (scale, window, softCap, sinks)
    }

    /// A window that no sequence is longer than stands for none.
    var windowLength: Int { min(window ?? .max, 1 << 40) }

    func requireSinks(of heads: Int, _ type: ElementType, _ caller: String) {
        precondition(
            sinks.map { $0.value.shape == [heads] && $0.value.elementType == type.accumulator }
                ?? true,
            "\(caller): sinks \(sinks.map { "\($0.value)" } ?? "") for \(heads) heads of \(type)")
    }
}
