import FledgeCore
import FledgeKernels

/// Rows whose logits exist at once.
package let tokenCrossEntropyChunk = 256

/// Supervised rows times a head, a chunk of rows at a time: T × V logits never exist.
struct HeadProduct {
    /// The rows that predict, `[n, channels]`.
    let rows: Tensor
    /// `[vocabulary, channels]`.
    let shape: [Int]
    private let head: LanguageHead
    private let factor: LinearMatrix.Factor

    /// Enough rows to use a chunk of the head's weights well, few enough to stay near the caches.
    static let chunk = tokenCrossEntropyChunk

    var type: ElementType { rows.elementType }
    var sums: ElementType { rows.elementType.accumulator }
    var channels: Int { rows.shape[1] }
    var vocabulary: Int { shape[0] }

    init(_ hidden: Tensor, _ head: LanguageHead, _ supervision: Supervision, _ operation: String) {
        precondition(
            hidden.shape.count == 2 && head.shape.count == 2 && hidden.shape[1] == head.shape[1],
            "\(operation): hidden \(hidden.shape), \(head.name) \(head.shape)")
        precondition(
            supervision.rows.allSatisfy { $0 >= 0 && $0 < hidden.shape[0] },
            "\(operation): a supervised row is outside \(hidden.shape[0]) rows")
        precondition(
            supervision.targets.allSatisfy { $0 >= 0 && $0 < head.shape[0] },
            "\(operation): a target is outside \(head.shape[0]) tokens")
        rows = hidden.detached.gatheredRows(supervision.rows)
        (shape, self.head) = (head.shape, head)
        factor = head.matrix.factor(for: hidden.elementType)
    }

    /// Gives the logits of each chunk of rows in turn, in the type of the sums, to be overwritten.
    func forEachChunk(_ body: (Range<Int>, UnsafeMutableRawPointer) -> Void) {
        let logits = chunk()
        for range in chunkRanges {
            computeLogits(range, into: logits)
            body(range, logits.freshPointer)
        }
        withExtendedLifetime((self, logits)) {}
    }

    /// The rows of each chunk.
    var chunkRanges: [Range<Int>] {
        let count = rows.shape[0]
        return stride(from: 0, to: count, by: Self.chunk).map { $0..<min(count, $0 + Self.chunk) }
    }

    /// Memory for the logits of one chunk.
    func chunk() -> Tensor {
        Tensor(uninitialized: [min(Self.chunk, rows.shape[0]), vocabulary], sums)
    }

    /// Sets the logits of some rows.
    func computeLogits(_ range: Range<Int>, into logits: Tensor) {
        factor.multiply(
            Matrix(rows, from: range.lowerBound), rows: range.count, transposed: true,
            into: logits.freshPointer, sums)
        head.finish(logits.freshPointer, rows: range.count, sums)
    }

    /// Where gradients of logits lie: over the logits, as bfloat16 where the path multiplies that.
    ///
    /// - Parameter isWide: Whether they keep the type of the sums whatever multiplies them.
    func gradients(over logits: UnsafeMutableRawPointer, isWide: Bool = false) -> Matrix {
        let isNarrow =
            !isWide && head.softCap == nil && type == .bfloat16
            && fledge_kernels().pointee.native_bfloat16 != 0
            && factor.multipliesBfloat16
        return Matrix(
            logits, isNarrow ? .bfloat16 : sums, rowStride: isNarrow ? 2 * vocabulary : vocabulary)
    }

    /// What gradients of logits without a cap are multiplied by, to be those of products.
    var slope: Double { head.softCap == nil ? head.scale : 1 }

    /// Sets the gradients of a row's logits, of ``gradients(over:isWide:)``, and makes of them those of
    /// the products.
    ///
    /// - Parameter set: Sets the gradients over the logits.
    func withSlope(_ row: UnsafeMutableRawPointer, _ set: () -> Void) {
        guard let cap = head.softCap else { return set() }
        withUnsafeTemporaryAllocation(
            byteCount: vocabulary * sums.byteCount, alignment: 64
        ) { logits in
            logits.copyMemory(
                from: UnsafeRawBufferPointer(start: row, count: vocabulary * sums.byteCount))
            set()
            guard let logits = logits.baseAddress else { return }
            Kernels.of(sums).soft_cap_backward(row, logits, vocabulary, head.scale, cap)
        }
    }

    /// From gradients of a chunk's logits to those of its rows (set) and of the head (added).
    func propagate(
        _ gradients: Matrix, _ range: Range<Int>, rows target: Tensor?, head sum: Tensor?
    ) {
        if let target {
            factor.multiply(
                gradients, rows: range.count, transposed: false,
                into: target.freshPointer + range.lowerBound * channels * sums.byteCount, sums)
        }
        if let sum {
            multiply(
                gradients.transposed, Matrix(rows, from: range.lowerBound), into: sum.freshPointer,
                sums, rows: vocabulary, columns: channels, depth: range.count,
                accumulating: range.lowerBound > 0)
        }
        withExtendedLifetime((self, target, sum)) {}
    }

    /// One logit of a row.
    func logit(_ row: UnsafeRawPointer, _ token: Int) -> Double {
        sums == .float64
            ? row.assumingMemoryBound(to: Double.self)[token]
            : Double(row.assumingMemoryBound(to: Float.self)[token])
    }

    /// Adds `factor` times the gradients of gathered rows where the rows came from.
    static func scatter(
        _ gradients: Tensor, factor: Double, rows: [Int32], shape: [Int], _ type: ElementType,
        _ pass: inout BackwardPass
    ) {
        let (columns, size) = (shape[1], shape[1] * type.byteCount)
        let kernels = Kernels.of(type)
        let converted = (factor == 1 ? gradients : gradients * factor).converted(to: type)
        pass.accumulate(into: 0, shape: shape, type) { target, holdsSum in
            if !holdsSum {
                target.initializeMemory(as: UInt8.self, repeating: 0, count: shape[0] * size)
            }
            for (index, row) in rows.enumerated() {
                let sum = target + Int(row) * size
                kernels.add(sum, sum, converted.pointer + index * size, columns)
            }
        }
        withExtendedLifetime(converted) {}
    }
}
