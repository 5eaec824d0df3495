/// Another schedule after steps in which the rate rises to its peak.
public struct Warmup<Schedule: ScaledSchedule>: ScaledSchedule {
    /// Steps over which the rate rises.
    public let steps: Int
    /// What follows, from its step 0 on.
    public let schedule: Schedule
    private let rise: Rise

    /// How the rate rises.
    public enum Rise: Hashable, Sendable {
        /// From zero in the first step, so that the peak comes with the step after the last.
        case fromZero
        /// From one part of as many as there are steps, so that the peak comes with the last step.
        case fromFirstPart
        /// From this fraction of the peak, so that the peak comes with the last step.
        case from(Double)
    }

    /// Creates a schedule.
    public init(_ steps: Int, _ schedule: Schedule, rise: Rise = .fromZero) {
        precondition(steps >= 0, "Warmup: \(steps) steps")
        (self.steps, self.schedule, self.rise) = (steps, schedule, rise)
    }

    /// The peak of what follows.
    public var peak: Double { schedule.peak }

    /// The rate as a fraction of the peak.
    public func multiplier(at step: Int) -> Double {
        guard step < steps else { return schedule.multiplier(at: step - steps) }
        switch rise {
        case .fromZero: return Double(step) / Double(max(1, steps))
        case .fromFirstPart: return Double(step + 1) / Double(max(1, steps))
        case .from(let floor):
            return floor + (1 - floor) * Double(step) / Double(max(1, steps - 1))
        }
    }
}
