/// A learning rate for every optimizer step: a pure value, so resuming costs nothing.
public protocol LearningRateSchedule: Sendable {
    /// The rate that the step with this index, counted from 0, uses.
    func rate(at step: Int) -> Double
}

/// A form of the schedules of transformers (`optimization.py`): a highest rate and fractions of it.
public protocol ScaledSchedule: LearningRateSchedule {
    /// The highest rate.
    var peak: Double { get }

    /// The rate as a fraction of the peak.
    func multiplier(at step: Int) -> Double
}

extension ScaledSchedule {
    /// The multiplier times the peak.
    public func rate(at step: Int) -> Double { peak * multiplier(at: step) }
}

extension LearningRateSchedule where Self == Warmup<LinearSchedule> {
    /// A straight line down to zero after warm-up.
    public static func linear(peak: Double, warmup: Int = 0, total: Int) -> Self {
        Warmup(warmup, LinearSchedule(peak: peak, steps: total - warmup))
    }
}

extension LearningRateSchedule where Self == Warmup<CosineSchedule> {
    /// A cosine down to zero after warm-up.
    public static func cosine(peak: Double, warmup: Int = 0, total: Int) -> Self {
        Warmup(warmup, CosineSchedule(peak: peak, steps: total - warmup))
    }
}

extension LearningRateSchedule where Self == Warmup<ConstantSchedule> {
    /// The peak at every step after warm-up.
    public static func constant(_ rate: Double, warmup: Int = 0) -> Self {
        Warmup(warmup, ConstantSchedule(rate))
    }
}
