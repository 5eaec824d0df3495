internal import Foundation

/// Stays at the peak, then falls to a floor.
public struct StableDecaySchedule: ScaledSchedule, Hashable {
    /// The highest rate.
    public let peak: Double
    /// Steps at the peak.
    public let stable: Int
    /// Steps of the fall.
    public let decay: Int
    /// The last rate as a fraction of the peak.
    public let floor: Double
    /// The form of the fall.
    public let curve: Curve

    /// The form of a fall.
    public enum Curve: String, Hashable, Sendable, CaseIterable {
        /// A straight line.
        case linear
        /// Half a cosine.
        case cosine
        /// One minus the square root.
        case oneMinusSquareRoot = "1-sqrt"
    }

    /// Creates a schedule.
    public init(peak: Double, stable: Int, decay: Int, floor: Double = 0, curve: Curve = .cosine) {
        (self.peak, self.stable, self.decay) = (peak, stable, decay)
        (self.floor, self.curve) = (floor, curve)
    }

    /// The rate as a fraction of the peak.
    public func multiplier(at step: Int) -> Double {
        if step < stable { return 1 }
        guard step - stable < decay else { return floor }
        let fall = fallen(Double(step - stable) / Double(max(1, decay)))
        return max(0, fall * (1 - floor) + floor)
    }

    private func fallen(_ progress: Double) -> Double {
        switch curve {
        case .linear: 1 - progress
        case .cosine: 0.5 * (1 + cos(.pi * progress))
        case .oneMinusSquareRoot: 1 - progress.squareRoot()
        }
    }
}
