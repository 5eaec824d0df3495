import FledgeKernels
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Cosines and sines of rotary position embeddings, in float32, computed as positions are first used.
///
/// Angles are products of float32 numbers, as Hugging Face's models compute them, so that long
/// positions agree with theirs.
public struct RotaryTable: Sendable {
    private final class Rows: Sendable {
        let rows = Mutex<(cosines: [Float], sines: [Float])>(([], []))
    }

    /// One angle a position for each of these.
    public let inverseFrequencies: [Double]
    /// What cosines and sines are multiplied by, for scaled embeddings.
    public let attentionFactor: Double
    /// Whether the pairs of a head are neighbours, (2i, 2i + 1), and not (i, i + d/2).
    public let pairsNeighbours: Bool
    private let positionFactor: (@Sendable (Int) -> Double)?
    private let rows = Rows()

    /// Creates the table of a list of frequencies: `base^(-2i/d)`, possibly scaled.
    ///
    /// - Parameters:
    ///   - inverseFrequencies: What positions are multiplied by, one for each pair of channels.
    ///   - attentionFactor: What cosines and sines are multiplied by.
    ///   - pairsNeighbours: Whether the pairs of a head are neighbours.
    ///   - positionFactor: What the cosines and sines of a position are multiplied by as well.
    public init(
        inverseFrequencies: [Double], attentionFactor: Double = 1, pairsNeighbours: Bool = false,
        positionFactor: (@Sendable (Int) -> Double)? = nil
    ) {
        (self.inverseFrequencies, self.attentionFactor) = (inverseFrequencies, attentionFactor)
        (self.pairsNeighbours, self.positionFactor) = (pairsNeighbours, positionFactor)
    }

    /// Rows 0 ..< at least `count`, each of `inverseFrequencies.count` numbers.
    func rows(_ count: Int) -> (cosines: [Float], sines: [Float]) {
        rows.rows.withLock { rows in
            let half = inverseFrequencies.count
            let present = half == 0 ? count : rows.cosines.count / half
            guard present < count else { return rows }
            for position in present..<max(count, 2 * present) {
                let factor = attentionFactor * (positionFactor?(position) ?? 1)
                for frequency in inverseFrequencies {
                    let angle = Double(Float(position) * Float(frequency))
                    rows.cosines.append(Float(cos(angle) * factor))
                    rows.sines.append(Float(sin(angle) * factor))
                }
            }
            return rows
        }
    }
}

/// Rotates the pairs (i, i + d/2) of each head by the angle of their token's position
/// (Su et al. 2021).
///
/// Channels of a head behind twice the number of frequencies stay as they are.
///
/// - Parameters:
///   - x: `[tokens, heads·headDimension]`.
///   - positions: One a token.
public func rotaryEmbedded(
    _ x: Tensor, _ table: RotaryTable, positions: [Int32], headDimension: Int
) -> Tensor {
    rotaryEmbedded(
        x, [(0..<positions.count, table)], positions: positions, headDimension: headDimension)
}

/// The same with a table for each of several ranges of tokens, which cover all of them in their order.
public func rotaryEmbedded(
    _ x: Tensor, _ tables: [(tokens: Range<Int>, table: RotaryTable)], positions: [Int32],
    headDimension: Int
) -> Tensor {
    precondition(
        x.shape.count == 2 && x.shape[0] == positions.count && headDimension > 0
            && x.shape[1] % headDimension == 0
            && tables.allSatisfy { $0.table.inverseFrequencies.count * 2 <= headDimension },
        "rotaryEmbedded: x \(x.shape), \(positions.count) positions, heads of \(headDimension)")
    precondition(
        tables.map(\.tokens.count).reduce(0, +) == positions.count,
        "rotaryEmbedded: tables for \(tables.map(\.tokens)) of \(positions.count) tokens")
    precondition(positions.allSatisfy { $0 >= 0 }, "rotaryEmbedded: a negative position")
    let operation = RotaryEmbedding(
        tables: tables, positions: positions, headDimension: headDimension)
    let result = Tensor(uninitialized: x.shape, x.elementType)
    operation.rotate(x, into: result.freshPointer, inverse: false)
    return result.recorded([x.tapeReference], operation)
}

/// The gradient is rotated back.
struct RotaryEmbedding: RecordedOperation {
    let tables: [(tokens: Range<Int>, table: RotaryTable)]
    let positions: [Int32]
    let headDimension: Int

    func rotate(_ x: Tensor, into target: UnsafeMutableRawPointer, inverse: Bool) {
        for (tokens, table) in tables where !tokens.isEmpty {
            rotate(x, tokens, by: table, into: target, inverse: inverse)
        }
    }

    private func rotate(
        _ x: Tensor, _ tokens: Range<Int>, by table: RotaryTable,
        into target: UnsafeMutableRawPointer, inverse: Bool
    ) {
        let (columns, half) = (x.shape[1], table.inverseFrequencies.count)
        let rows = table.rows(Int(positions[tokens].max() ?? 0) + 1)
        let (kernels, size) = (Kernels.of(x.elementType), columns * x.elementType.byteCount)
        let source = x.pointer
        let rotate = table.pairsNeighbours ? kernels.rotate_neighbours : kernels.rotate
        rows.cosines.withUnsafeBufferPointer { cosines in
            rows.sines.withUnsafeBufferPointer { sines in
                guard let cosines = cosines.baseAddress, let sines = sines.baseAddress else {
                    (target + tokens.lowerBound * size).copyMemory(
                        from: source + tokens.lowerBound * size, byteCount: tokens.count * size)
                    return
                }
                parallelRows(tokens.count, columns: columns) { range in
                    for index in range {
                        let row = tokens.lowerBound + index
                        let at = Int(positions[row]) * half
                        rotate(
                            target + row * size, source + row * size, cosines + at, sines + at,
                            columns / headDimension, headDimension, half, inverse ? 1 : 0)
                    }
                }
            }
        }
        withExtendedLifetime(x) {}
    }

    func backward(_ gradient: consuming Tensor, _ pass: inout BackwardPass) {
        var dx = consume gradient
        dx.makeUnique()
        // In place: a pair is read before it is written.
        rotate(dx, into: dx.freshPointer, inverse: true)
        pass.add(dx, to: 0)
    }
}
