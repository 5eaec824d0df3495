internal import Foundation

/// A learning rate for every optimizer step: a pure value, so resuming costs nothing.
///
/// Formulas: the reference's schedules (transformers `optimization.py`); step 0 is the first.
public struct LearningRateSchedule: Hashable, Sendable {
    /// The curve after warm-up.
    public enum Shape: Hashable, Sendable {
        /// Falls to zero in a straight line.
        case linear
        /// Half a cosine down to zero, or `cycles` times a full one.
        case cosine(cycles: Double = 0.5)
        /// Cosines that start again at the peak.
        case cosineWithRestarts(cycles: Double = 1)
        /// Falls from the peak to `end` (an absolute rate) as a power of what remains.
        case polynomial(end: Double = 1e-7, power: Double = 1)
        /// Stays at the peak; `constant` in the reference has no warm-up either.
        case constant
        /// Falls with the inverse square root of the step.
        case inverseSquareRoot(timescale: Int? = nil)
        /// Half a cosine down to `floor` times the peak.
        case cosineWithFloor(floor: Double, cycles: Double = 0.5)
        /// As before, with warm-up that starts above zero and a cosine shifted by one step.
        case cosineWithWarmupFloor(floor: Double, warmupFloor: Double = 0, cycles: Double = 0.5)
        /// Stays at the peak for `stable` steps, then falls over `decay` steps to `floor`.
        case warmupStableDecay(stable: Int, decay: Int, floor: Double = 0, curve: Curve = .cosine)
    }

    /// The form of a rise or fall.
    public enum Curve: String, Hashable, Sendable {
        /// A straight line.
        case linear
        /// Half a cosine.
        case cosine
        /// One minus the square root.
        case oneMinusSquareRoot = "1-sqrt"
    }

    /// The highest rate.
    public let peak: Double
    /// Steps over which the rate rises from zero.
    public let warmup: Int
    /// Steps of the whole run.
    public let total: Int
    /// The curve after warm-up.
    public let shape: Shape

    /// Creates a schedule.
    public init(_ shape: Shape, peak: Double, warmup: Int = 0, total: Int) {
        precondition(warmup >= 0 && total >= 0, "schedule: warmup \(warmup), total \(total)")
        (self.shape, self.peak, self.warmup, self.total) = (shape, peak, warmup, total)
    }

    /// A cosine down to zero after warm-up.
    public static func cosine(peak: Double, warmup: Int = 0, total: Int) -> Self {
        Self(.cosine(), peak: peak, warmup: warmup, total: total)
    }

    /// A straight line down to zero after warm-up.
    public static func linear(peak: Double, warmup: Int = 0, total: Int) -> Self {
        Self(.linear, peak: peak, warmup: warmup, total: total)
    }

    /// The peak at every step after warm-up.
    public static func constant(_ rate: Double, warmup: Int = 0) -> Self {
        Self(.constant, peak: rate, warmup: warmup, total: 0)
    }

    /// The rate that the step with this index, counted from 0, uses.
    public func rate(at step: Int) -> Double { peak * multiplier(at: step) }

    /// The rate as a fraction of the peak.
    public func multiplier(at step: Int) -> Double {
        let k = Double(step)
        if step < warmup { return warmupMultiplier(k) }
        let progress = (k - Double(warmup)) / Double(max(1, total - warmup))
        switch shape {
        case .linear:
            return max(0, Double(total - step) / Double(max(1, total - warmup)))
        case .cosine(let cycles):
            return max(0, 0.5 * (1 + cos(2 * .pi * cycles * progress)))
        case .cosineWithRestarts(let cycles):
            guard progress < 1 else { return 0 }
            let phase = (cycles * progress).truncatingRemainder(dividingBy: 1)
            return max(0, 0.5 * (1 + cos(.pi * phase)))
        case .polynomial(let end, let power):
            guard step <= total else { return end / peak }
            let remaining = 1 - (k - Double(warmup)) / Double(max(1, total - warmup))
            return ((peak - end) * pow(remaining, power) + end) / peak
        case .constant:
            return 1
        case .inverseSquareRoot(let timescale):
            let scale = Double(timescale ?? (warmup > 0 ? warmup : 10_000))
            return 1 / ((k + scale - Double(warmup)) / scale).squareRoot()
        case .cosineWithFloor(let floor, let cycles):
            let factor = 0.5 * (1 + cos(2 * .pi * cycles * progress))
            return max(0, factor * (1 - floor) + floor)
        case .cosineWithWarmupFloor(let floor, _, let cycles):
            let shifted = (k - Double(warmup) + 1) / Double(max(1, total - warmup))
            let factor = 0.5 * (1 + cos(2 * .pi * cycles * shifted))
            return max(0, factor * (1 - floor) + floor)
        case .warmupStableDecay(let stable, let decay, let floor, let curve):
            let offset = step - warmup
            if offset < stable { return 1 }
            guard offset < stable + decay else { return floor }
            let fall = fallen(curve, Double(offset - stable) / Double(max(1, decay)))
            return max(0, fall * (1 - floor) + floor)
        }
    }

    private func warmupMultiplier(_ k: Double) -> Double {
        if case .cosineWithWarmupFloor(_, let floor, _) = shape {
            return floor + (1 - floor) * (k + 1) / Double(max(1, warmup))
        }
        return k / Double(max(1, warmup))
    }

    private func fallen(_ curve: Curve, _ progress: Double) -> Double {
        switch curve {
        case .linear: 1 - progress
        case .cosine: 0.5 * (1 + cos(.pi * progress))
        case .oneMinusSquareRoot: 1 - progress.squareRoot()
        }
    }
}
