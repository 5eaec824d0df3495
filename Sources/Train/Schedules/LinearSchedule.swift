/// Falls to zero in a straight line.
public struct LinearSchedule: ScaledSchedule, Hashable {
    /// The highest rate.
    public let peak: Double
    /// Steps until zero is reached.
    public let steps: Int

    /// Creates a schedule.
    public init(peak: Double, steps: Int) { (self.peak, self.steps) = (peak, steps) }

    /// The rate as a fraction of the peak.
    public func multiplier(at step: Int) -> Double {
        max(0, Double(steps - step) / Double(max(1, steps)))
    }
}
