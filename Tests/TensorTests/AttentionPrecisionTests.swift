import FledgeCore
import FledgeTensor
import FledgeTesting
import Foundation
import Testing

/// Attention in bfloat16 against float64 and PyTorch (`Scripts/reference/attention_errors.py`), and
/// the paths that multiply pairs against each other.
@Suite struct AttentionPrecisionTests {
    /// The paths with bfloat16 dot products that this CPU runs.
    static let paths = Kernels.availablePaths.filter {
        ["avx512-bf16", "avx512-bf16-emulated"].contains($0)
    }

    private struct Shape {
        let tokens: Int
        let heads: Int
        let keyValueHeads: Int
        let dimension: Int
        let scale: Double
        /// PyTorch's of the result and of the gradients of queries, keys and values.
        let errors: [Double]

        init(_ row: JSONValue) throws {
            func number(_ name: String) throws -> Int { try #require(row[name]?.intValue) }
            (tokens, dimension) = (try number("tokens"), try number("dimension"))
            (heads, keyValueHeads) = (try number("heads"), try number("key_value_heads"))
            scale = Double(try number("scale"))
            errors = try #require(row["errors"]?.arrayValue).map { try #require($0.doubleValue) }
        }
    }

    private func shapes() throws -> [Shape] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let fixture = try JSONValue(
            contentsOf: folder.appending(path: "Fixtures/attention_errors.json").path)
        return try #require(fixture["shapes"]?.arrayValue).map { try Shape($0) }
    }

    /// As the script makes them, rounded to bfloat16.
    private func numbers(_ rows: Int, _ columns: Int, _ salt: Int, scale: Double = 1) -> Tensor {
        let values = (0..<rows * columns).map { index -> Float in
            var total = 0
            for factor: UInt64 in [2_654_435_761, 2_246_822_519, 3_266_489_917] {
                var hash = UInt64(index + 1_000_003 * salt + 1) &* factor & 0xFFFF_FFFF
                hash ^= hash >> 15
                hash = hash &* 2_246_822_507 & 0xFFFF_FFFF
                total += Int(hash >> 18) - 1 << 13
            }
            return Float(Double(total) * 0x1p-13 * scale)
        }
        return Tensor(values, shape: [rows, columns]).converted(to: .bfloat16)
    }

    /// The result and the gradients of queries, keys and values, for numbers of a shape.
    private func run(_ shape: Shape, _ type: ElementType, path: String? = nil) -> [Tensor] {
        let (own, shared) = (shape.heads * shape.dimension, shape.keyValueHeads * shape.dimension)
        let operands = [
            numbers(shape.tokens, own, 1, scale: shape.scale),
            numbers(shape.tokens, shared, 2, scale: shape.scale), numbers(shape.tokens, shared, 3),
        ].map { Parameter("x", $0.converted(to: type), isTrainable: true) }
        let slope = numbers(shape.tokens, own, 4).converted(to: type)
        func attended() -> [Tensor] {
            var output: Tensor?
            let gradients = valueAndGradients(of: operands) {
                let result = causalAttention(
                    operands[0].tracked, operands[1].tracked, operands[2].tracked,
                    layout: SequenceLayout(lengths: [shape.tokens]), heads: shape.heads,
                    keyValueHeads: shape.keyValueHeads,
                    options: .init(scale: 1 / Float(shape.dimension).squareRoot()))
                output = result.detached
                return sum(result * slope)
            }.gradients
            return [output].compactMap { $0 } + operands.compactMap { gradients[$0] }
        }
        return path.map { Kernels.withPath($0, attended) } ?? attended()
    }

    /// The gradient of queries is rounded as in PyTorch, so that chance decides whose error is
    /// smaller; the others' errors are smaller in every case.
    @Test func errorsAreAtMostThoseOfPyTorch() throws {
        for shape in try shapes() {
            let exact = run(shape, .float64)
            for path in Kernels.availablePaths {
                let found = run(shape, .bfloat16, path: path)
                try #require(found.count == 4 && exact.count == 4)
                for (index, error) in shape.errors.enumerated() {
                    let closeness = Closeness(found[index], exact[index])
                    let most = index == 1 ? 1.03 * error : error
                    #expect(
                        closeness.isWithin(most), "\(path) \(shape) \(index): \(closeness)")
                }
            }
        }
    }

    /// Tests of the emulated path stand for the one with the instruction.
    @Test(.enabled(if: paths.count == 2)) func pathsHaveTheSameBits() throws {
        func bits(_ tensors: [Tensor]) -> [[UInt8]] {
            tensors.map { $0.withUnsafeBytes { Array($0) } }
        }
        for shape in try shapes() {
            let both = Self.paths.map { bits(run(shape, .bfloat16, path: $0)) }
            let isSame = both[0] == both[1]
            #expect(isSame, "\(shape)")
        }
        // Products around the smallest numbers, below which there is zero alone.
        let (x, w) = (numbers(40, 3, 1, scale: 0x1p-65), numbers(50, 3, 2, scale: 0x1p-62))
        let both = Self.paths.map { path in
            bits([Kernels.withPath(path) { linearProduct(x, Parameter("w", w)) }])
        }
        let (isSame, kinds) = (both[0] == both[1], Set(both[0][0]).count)
        #expect(isSame && kinds > 100, "\(kinds) different bytes")
    }
}
