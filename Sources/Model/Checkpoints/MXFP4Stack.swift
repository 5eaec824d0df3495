internal import FledgeCore
internal import FledgeTensor
internal import Foundation

/// A stack of experts in four-bit blocks with a common exponent each (OCP's MXFP4), as GPT-OSS is
/// published: `…_blocks`, `[experts, outputs, blocks, 16]` bytes of two numbers, the lower half first, and
/// `…_scales`, `[experts, outputs, blocks]` bytes that are exponents.
struct MXFP4Stack {
    /// The name of the tensor that they stand for.
    let name: String

    /// What the two tensors' names end with.
    static let endings = (blocks: "_blocks", scales: "_scales")
    /// Numbers of a block.
    static let blockCount = 32

    /// Those of a stack's tensor, if this is the name of its blocks.
    init?(blocks name: String, of stack: TensorStack) {
        guard name.hasSuffix(stack.stored + Self.endings.blocks) else { return nil }
        self.name = String(name.dropLast(Self.endings.blocks.count))
    }

    /// The names of both tensors.
    var tensors: Set<String> { [name + Self.endings.blocks, name + Self.endings.scales] }

    /// The shape of what they stand for, `[experts, outputs, inputs]`.
    ///
    /// - Throws: ``FledgeError`` when they do not fit each other.
    func shape(in source: any TensorSource, path: String) throws -> [Int]? {
        let blocks = source.shape(of: name + Self.endings.blocks) ?? []
        let scales = source.shape(of: name + Self.endings.scales) ?? []
        guard blocks.count == 4, blocks[3] == Self.blockCount / 2, scales == blocks.dropLast(),
            blocks[2] < 1 << 26
        else {
            throw FledgeError(
                .mismatch,
                "\(name)\(Self.endings.blocks) has shape \(blocks) and its scales \(scales); expected are blocks of 16 bytes and as many scales.",
                advice: "The model's files are damaged; download them again.",
                at: .init(file: path))
        }
        return [blocks[0], blocks[1], blocks[2] * Self.blockCount]
    }

    /// An expert's slice `[outputs, inputs]`.
    static func slice(
        _ expert: Int, of name: String, in source: any TensorSource, as type: ElementType
    ) throws -> Tensor {
        let blocks = try source.tensor(named: name + endings.blocks, slice: expert, as: .uint8)
        let scales = try source.tensor(named: name + endings.scales, slice: expert, as: .uint8)
        return expanded(blocks, scales, as: type)
    }

    /// What a number's four bits stand for: a sign, two bits of exponent and one of mantissa.
    static let values: [Float] = [
        0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6,
    ]

    /// Expands blocks `[outputs, blocks, 16]` with scales `[outputs, blocks]`.
    static func expanded(_ blocks: Tensor, _ scales: Tensor, as type: ElementType) -> Tensor {
        let (rows, count) = (blocks.shape[0], blocks.shape[1])
        var result = Tensor(uninitialized: [rows, count * blockCount], .float32)
        blocks.withUnsafeBytes { codes in
            scales.withUnsafeBytes { exponents in
                result.withMutableFloats { target in
                    let target = target
                    parallelFor(rows) { row in
                        for block in row * count..<(row + 1) * count {
                            // 2⁻¹²⁷ is below what a normal number can be, 2¹²⁸ is none.
                            let scale = Float(exp2(Double(exponents[block]) - 127))
                            for byte in 0..<16 {
                                let code = codes[block * 16 + byte]
                                let place = block * blockCount + 2 * byte
                                target[place] = values[Int(code & 15)] * scale
                                target[place + 1] = values[Int(code >> 4)] * scale
                            }
                        }
                    }
                }
            }
        }
        return result.converted(to: type)
    }
}
