/// ½·max((v − R)², (clip(v, V ± range) − R)²), with V what was expected when the answer was given.
public struct ClippedValueLoss: Hashable, Sendable {
    /// How far values may move.
    public var range: Double

    /// Creates a loss.
    public init(range: Double = 0.2) { self.range = range }

    /// The cost of a value and its derivative.
    public func callAsFunction(_ value: Double, before: Double, target: Double) -> (
        value: Double, slope: Double, isClipped: Bool
    ) {
        let clipped = min(max(value, before - range), before + range)
        let (free, bound) = (value - target, clipped - target)
        guard bound * bound > free * free else { return (free * free / 2, free, false) }
        return (bound * bound / 2, clipped == value ? bound : 0, true)
    }
}
