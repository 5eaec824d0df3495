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
    private let positionFactor: (@Sendable (Int) -> Double)?
    private let rows = Rows()

    /// Creates the table of a list of frequencies: `base^(-2i/d)`, possibly scaled.
    ///
    /// - Parameter positionFactor: What the cosines and sines of a position are multiplied by as well.
    public init(
        inverseFrequencies: [Double], attentionFactor: Double = 1,
        positionFactor: (@Sendable (Int) -> Double)? = nil
    ) {
        (self.inverseFrequencies, self.attentionFactor) = (inverseFrequencies, attentionFactor)
        self.positionFactor = positionFactor
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
    precondition(
        x.shape.count == 2 && x.shape[0] == positions.count && headDimension > 0
            && x.shape[1] % headDimension == 0
            && table.inverseFrequencies.count * 2 <= headDimension,
        "rotaryEmbedded: x \(x.shape), \(positions.count) positions, heads of \(headDimension), "
            + "\(table.inverseFrequencies.count) frequencies")
    precondition(positions.allSatisfy { $0 >= 0 }, "rotaryEmbedded: a negative position")
    let operation = RotaryEmbedding(
        table: table, positions: positions, headDimension: headDimension)
    let result = Tensor(uninitialized: x.shape, x.elementType)
    operation.rotate(x, into: result.freshPointer, inverse: false)
    return result.recorded([x.tapeReference], operation)
}

/// The gradient is rotated back.
struct RotaryEmbedding: RecordedOperation {
    let table: RotaryTable
    let positions: [Int32]
    let headDimension: Int

    func rotate(_ x: Tensor, into target: UnsafeMutableRawPointer, inverse: Bool) {
        let (columns, half) = (x.shape[1], table.inverseFrequencies.count)
        let rows = table.rows(Int(positions.max() ?? 0) + 1)
        let (kernels, size) = (Kernels.of(x.elementType), columns * x.elementType.byteCount)
        let source = x.pointer
        rows.cosines.withUnsafeBufferPointer { cosines in
            rows.sines.withUnsafeBufferPointer { sines in
                guard let cosines = cosines.baseAddress, let sines = sines.baseAddress else {
                    target.copyMemory(from: source, byteCount: x.shape[0] * size)
                    return
                }
                parallelRows(x.shape[0], columns: columns) { range in
                    for row in range {
                        let at = Int(positions[row]) * half
                        kernels.rotate(
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
