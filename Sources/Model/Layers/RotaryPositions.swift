import FledgeCore
public import FledgeTensor
import Synchronization

/// The angles of rotary positions, which may follow from how long a sequence is.
public final class RotaryPositions: Sendable {
    private let fixed: RotaryTable?
    private let threshold: Int
    private let make: @Sendable (_ length: Int) -> RotaryTable
    private let last = Mutex<(length: Int, table: RotaryTable)?>(nil)

    /// Angles that no length matters to.
    public init(_ table: RotaryTable) {
        (fixed, threshold, make) = (table, .max, { _ in table })
    }

    /// Angles of sequences of each length.
    ///
    /// - Parameters:
    ///   - threshold: The longest sequence whose table is that of all shorter ones.
    ///   - make: Makes the table of a length.
    public init(threshold: Int, _ make: @escaping @Sendable (_ length: Int) -> RotaryTable) {
        (fixed, self.threshold, self.make) = (make(0), threshold, make)
    }

    /// Those of a configuration.
    ///
    /// - Parameter positionFactor: As that of a table.
    public convenience init(
        _ configuration: DecoderConfiguration, pairsNeighbours: Bool = false,
        positionFactor: (@Sendable (Int) -> Double)? = nil
    ) {
        let scaling = configuration.ropeScaling
        let (dimension, theta) = (configuration.rotaryDimension, configuration.ropeTheta)
        let maxPositions = configuration.maxPositions
        let make: @Sendable (Int) -> RotaryTable = { length in
            let (frequencies, factor) = scaling.frequencies(
                dimension: dimension, theta: theta, maxPositions: maxPositions, length: length)
            return RotaryTable(
                inverseFrequencies: frequencies, attentionFactor: factor,
                pairsNeighbours: pairsNeighbours, positionFactor: positionFactor)
        }
        if let threshold = scaling.thresholdLength(maxPositions: maxPositions) {
            self.init(threshold: threshold, make)
        } else {
            self.init(make(0))
        }
    }

    /// Whether a sequence of this length has a table of its own.
    func depends(on length: Int) -> Bool { length > threshold }

    /// The table of a sequence of a length.
    func table(length: Int) -> RotaryTable {
        if length <= threshold, let fixed { return fixed }
        return last.withLock { last in
            if let last, last.length == length { return last.table }
            let table = make(length)
            last = (length, table)
            return table
        }
    }
}
