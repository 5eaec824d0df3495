internal import Foundation

/// Half a cosine down to a floor, or `cycles` times a full one.
public struct CosineSchedule: ScaledSchedule, Hashable {
    /// The highest rate.
    public let peak: Double
    /// Steps of all cycles.
    public let steps: Int
    /// Full cosines; a half leads from the peak down.
    public let cycles: Double
    /// The lowest rate as a fraction of the peak.
    public let floor: Double
    /// Steps by which it is ahead: one where warm-up ends at the peak itself.
    public let lead: Int

    /// Creates a schedule.
    public init(peak: Double, steps: Int, cycles: Double = 0.5, floor: Double = 0, lead: Int = 0) {
        (self.peak, self.steps, self.cycles) = (peak, steps, cycles)
        (self.floor, self.lead) = (floor, lead)
    }

    /// The rate as a fraction of the peak.
    public func multiplier(at step: Int) -> Double {
        let progress = Double(step + lead) / Double(max(1, steps))
        let factor = 0.5 * (1 + cos(2 * .pi * cycles * progress))
        return max(0, factor * (1 - floor) + floor)
    }
}

/// Cosines that start again at the peak.
public struct CosineRestartSchedule: ScaledSchedule, Hashable {
    /// The highest rate.
    public let peak: Double
    /// Steps of all cycles.
    public let steps: Int
    /// How often it starts.
    public let cycles: Double

    /// Creates a schedule.
    public init(peak: Double, steps: Int, cycles: Double = 1) {
        (self.peak, self.steps, self.cycles) = (peak, steps, cycles)
    }

    /// The rate as a fraction of the peak.
    public func multiplier(at step: Int) -> Double {
        let progress = Double(step) / Double(max(1, steps))
        guard progress < 1 else { return 0 }
        let phase = (cycles * progress).truncatingRemainder(dividingBy: 1)
        return max(0, 0.5 * (1 + cos(.pi * phase)))
    }
}
