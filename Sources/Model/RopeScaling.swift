import Foundation

/// How the rotary frequencies of a model are stretched beyond the length it was trained with.
public enum RopeScaling: Hashable, Sendable {
    /// Not at all.
    case none
    /// All frequencies divided by a factor.
    case linear(factor: Double)
    /// A larger base for sequences that are longer than the model's maximum.
    case dynamic(factor: Double)
    /// Low frequencies divided by the factor, high ones kept, and a ramp between.
    case yarn(Yarn)
    /// Llama 3's own ramp between the two.
    case llama3(Llama3)
    /// Only the first frequencies of those of the whole head, the others being 0.
    case proportional(part: Double, factor: Double)
    /// A factor for each frequency, others for long sequences than for short ones.
    case longrope(LongRope)

    /// The parameters of `yarn`.
    public struct Yarn: Hashable, Sendable {
        /// How much longer texts become.
        public var factor: Double
        /// The length before the stretching.
        public var originalMaxPositions: Int
        /// The factor on cosine and sine; 0.1·ln(factor) + 1 when left out.
        public var attentionFactor: Double?
        /// Frequencies with more rotations than this in the original length are kept.
        public var betaFast = 32.0
        /// Frequencies with fewer rotations than this are divided.
        public var betaSlow = 1.0
        /// Whether the ramp's ends are rounded to whole dimensions.
        public var truncates = true

        /// Creates the parameters.
        public init(factor: Double, originalMaxPositions: Int) {
            (self.factor, self.originalMaxPositions) = (factor, originalMaxPositions)
        }
    }

    /// The parameters of `llama3`.
    public struct Llama3: Hashable, Sendable {
        /// What low frequencies are divided by.
        public var factor: Double
        /// Wavelengths above the original length divided by this are stretched in full.
        public var lowFrequencyFactor = 1.0
        /// Wavelengths below the original length divided by this are kept.
        public var highFrequencyFactor = 4.0
        /// The length before the stretching.
        public var originalMaxPositions: Int

        /// Creates the parameters.
        public init(factor: Double, originalMaxPositions: Int) {
            (self.factor, self.originalMaxPositions) = (factor, originalMaxPositions)
        }
    }

    /// The parameters of `longrope` (Ding et al. 2024).
    public struct LongRope: Hashable, Sendable {
        /// What the frequencies of sequences up to the original length are divided by, one a pair.
        public var shortFactors: [Double]
        /// What those of longer ones are divided by.
        public var longFactors: [Double]
        /// The length before the stretching.
        public var originalMaxPositions: Int
        /// The factor on cosine and sine.
        public var attentionFactor: Double

        /// Creates the parameters.
        ///
        /// - Parameter factor: How much longer texts become: √(1 + ln(factor)/ln(original)) is the factor
        ///   on cosine and sine.
        public init(
            shortFactors: [Double], longFactors: [Double], originalMaxPositions: Int, factor: Double
        ) {
            (self.shortFactors, self.longFactors) = (shortFactors, longFactors)
            self.originalMaxPositions = originalMaxPositions
            attentionFactor =
                factor <= 1 ? 1 : (1 + log(factor) / log(Double(originalMaxPositions))).squareRoot()
        }
    }

    /// The longest sequence whose frequencies are those of all shorter ones; nil where length does not
    /// matter.
    public func thresholdLength(maxPositions: Int) -> Int? {
        switch self {
        case .dynamic: maxPositions
        case .longrope(let parameters): parameters.originalMaxPositions
        default: nil
        }
    }

    /// The inverse frequencies of rotary pairs, and the factor on cosine and sine.
    ///
    /// Each step is rounded to float32, as the reference computes them.
    ///
    /// - Parameters:
    ///   - dimension: Channels of a head.
    ///   - theta: The base.
    ///   - maxPositions: The model's maximum length.
    ///   - length: The length of the sequence at hand, for `dynamic` and `longrope`.
    public func frequencies(
        dimension: Int, theta: Double, maxPositions: Int, length: Int = 0
    ) -> (inverse: [Double], attentionFactor: Double) {
        precondition(dimension > 0 && dimension % 2 == 0, "frequencies: head of \(dimension)")
        switch self {
        case .none:
            return (RopeScaling.base(dimension, theta).map(Double.init), 1)
        case .linear(let factor):
            return (RopeScaling.base(dimension, theta).map { Double($0 / Float(factor)) }, 1)
        case .dynamic(let factor):
            let maximum = Double(maxPositions)
            let ratio = factor * max(Double(length), maximum) / maximum - (factor - 1)
            let exponent = Double(dimension) / Double(dimension - 2)
            let stretched = dimension > 2 ? theta * pow(ratio, exponent) : theta
            return (RopeScaling.base(dimension, stretched).map(Double.init), 1)
        case .yarn(let parameters):
            return parameters.frequencies(dimension: dimension, theta: theta)
        case .llama3(let parameters):
            return (parameters.frequencies(RopeScaling.base(dimension, theta)), 1)
        case .proportional(let part, let factor):
            let count = Int((part * Double(dimension) / 2).rounded(.down))
            return (
                RopeScaling.base(dimension, theta).enumerated().map {
                    $0.offset < count ? Double($0.element / Float(factor)) : 0
                }, 1
            )
        case .longrope(let parameters):
            let isLong = length > parameters.originalMaxPositions
            let factors = isLong ? parameters.longFactors : parameters.shortFactors
            let waves = RopeScaling.wavelengths(dimension, theta)
            precondition(factors.count == waves.count, "frequencies: \(factors.count) factors")
            return (
                zip(factors, waves).map { Double(1 / (Float($0) * $1)) },
                parameters.attentionFactor
            )
        }
    }

    /// theta^(i/d) for i = 0, 2, …
    fileprivate static func wavelengths(_ dimension: Int, _ theta: Double) -> [Float] {
        stride(from: 0, to: dimension, by: 2).map {
            Float(pow(Double(Float(theta)), Double(Float($0) / Float(dimension))))
        }
    }

    fileprivate static func base(_ dimension: Int, _ theta: Double) -> [Float] {
        wavelengths(dimension, theta).map { 1 / $0 }
    }
}

extension RopeScaling.Yarn {
    /// The paper's factor on cosine and sine.
    static func attentionFactor(_ factor: Double, _ scale: Double = 1) -> Double {
        factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1
    }

    func frequencies(
        dimension: Int, theta: Double
    ) -> (inverse: [Double], attentionFactor: Double) {
        let factorOfAttention = attentionFactor ?? Self.attentionFactor(factor)
        // The channel that makes a number of rotations within the original length.
        func channel(_ rotations: Double) -> Double {
            Double(dimension) * log(Double(originalMaxPositions) / (rotations * 2 * .pi))
                / (2 * log(theta))
        }
        var (low, high) = (channel(betaFast), channel(betaSlow))
        if truncates { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        low = max(low, 0)
        high = min(high, Double(dimension - 1))
        if low == high { high += 0.001 }
        let inverse = RopeScaling.wavelengths(dimension, theta).enumerated().map { index, wave in
            let ramp = min(max((Float(index) - Float(low)) / Float(high - low), 0), 1)
            let kept = 1 - ramp
            return Double(1 / (Float(factor) * wave) * (1 - kept) + 1 / wave * kept)
        }
        return (inverse, factorOfAttention)
    }
}

extension RopeScaling.Llama3 {
    func frequencies(_ base: [Float]) -> [Double] {
        let original = Float(originalMaxPositions)
        let longest = original / Float(lowFrequencyFactor)
        let shortest = original / Float(highFrequencyFactor)
        return base.map { frequency in
            let wavelength = 2 * Float.pi / frequency
            if wavelength < shortest { return Double(frequency) }
            if wavelength > longest { return Double(frequency / Float(factor)) }
            let smooth =
                (original / wavelength - Float(lowFrequencyFactor))
                / Float(highFrequencyFactor - lowFrequencyFactor)
            return Double((1 - smooth) * frequency / Float(factor) + smooth * frequency)
        }
    }
}
