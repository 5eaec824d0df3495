/// Falls with the inverse square root of the step.
public struct InverseRootSchedule: ScaledSchedule, Hashable {
    /// The highest rate.
    public let peak: Double
    /// Steps in which the rate falls to 1/√2.
    public let timescale: Int

    /// Creates a schedule.
    public init(peak: Double, timescale: Int = 10_000) {
        (self.peak, self.timescale) = (peak, timescale)
    }

    /// The rate as a fraction of the peak.
    public func multiplier(at step: Int) -> Double {
        let scale = Double(timescale)
        return 1 / ((Double(step) + scale) / scale).squareRoot()
    }
}
