/// The same rate at every step.
public struct ConstantSchedule: ScaledSchedule, Hashable {
    /// The rate.
    public let peak: Double

    /// Creates a schedule.
    public init(_ rate: Double) { peak = rate }

    /// One.
    public func multiplier(at step: Int) -> Double { 1 }
}
