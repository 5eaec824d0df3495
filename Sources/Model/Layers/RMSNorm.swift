public import FledgeTensor

/// Root-mean-square normalisation (Zhang and Sennrich 2019): `(w + offset) · x / √(mean(x²) + ε)`.
public final class RMSNorm: Module {
    /// The scale, shape `[channels]`; float32 in every precision.
    public let weight: Parameter
    /// What is added to the mean square.
    public let epsilon: Float
    /// What is added to the scale: 1 in the models whose scales are stored around 0.
    public let offset: Float
    /// Whether the normalised row is rounded to its type before it is scaled.
    public let rounds: Bool

    /// Creates a layer from its scale.
    public init(weight: Parameter, epsilon: Float, offset: Float = 0, rounds: Bool = true) {
        (self.weight, self.epsilon) = (weight, epsilon)
        (self.offset, self.rounds) = (offset, rounds)
    }

    /// Number of channels.
    public var channelCount: Int { weight.value.shape[0] }

    /// Lists the scale.
    public func describe(to description: inout ModuleDescription) { description.add(weight) }

    /// Normalises each row of `x`, shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        rmsNormalized(x, weight, epsilon: epsilon, offset: offset, rounds: rounds)
    }

    /// Normalises each head of `x`, shape `[tokens, heads·channels]`; all channels of a row together
    /// where the norm has as many.
    func callAsFunction(heads x: Tensor) -> Tensor {
        guard x.shape[1] != channelCount else { return self(x) }
        let shape = x.shape
        return self(x.reshaped([shape[0] * (shape[1] / channelCount), channelCount]))
            .reshaped(shape)
    }
}
