internal import Foundation

/// Falls from the peak to an end as a power of what remains.
public struct PolynomialSchedule: ScaledSchedule, Hashable {
    /// The highest rate.
    public let peak: Double
    /// Steps until the end is reached.
    public let steps: Int
    /// The last rate, no fraction.
    public let end: Double
    /// The power.
    public let power: Double

    /// Creates a schedule.
    public init(peak: Double, steps: Int, end: Double = 1e-7, power: Double = 1) {
        (self.peak, self.steps, self.end, self.power) = (peak, steps, end, power)
    }

    /// The rate as a fraction of the peak.
    public func multiplier(at step: Int) -> Double {
        // Of a peak of zero every fraction is the same rate.
        guard peak != 0 else { return 0 }
        guard step <= steps else { return end / peak }
        let remaining = 1 - Double(step) / Double(max(1, steps))
        return ((peak - end) * pow(remaining, power) + end) / peak
    }
}
