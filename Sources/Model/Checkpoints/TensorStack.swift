internal import FledgeTensor

/// Matrices of experts that files hold as one tensor, its first dimension the experts'.
///
/// In memory each expert has matrices of its own, `[outputs, inputs]`, under names such as
/// `model.layers.0.mlp.experts.3.up_proj.weight`; what is saved has the form that was read.
public struct TensorStack: Hashable, Sendable {
    /// What the stacked tensor's name ends with, such as `mlp.experts.gate_up_proj`.
    public var stored: String
    /// What stands in its place in the experts' own names, such as `mlp.experts`.
    public var container: String
    /// How the names of an expert's matrices end whose outputs a slice holds, one matrix's behind the
    /// other's: `gate_proj.weight`, `up_proj.weight`.
    public var parts: [String]
    /// Whether a slice is `[inputs, outputs]`.
    public var isTransposed: Bool
    /// Whether outputs of the parts take turns.
    public var alternates: Bool

    /// Creates a stack.
    public init(
        _ stored: String, in container: String, parts: [String], isTransposed: Bool = false,
        alternates: Bool = false
    ) {
        (self.stored, self.container, self.parts) = (stored, container, parts)
        (self.isTransposed, self.alternates) = (isTransposed, alternates)
    }

    /// What a stacked tensor's name begins with; nil for other tensors.
    func prefix(of name: String) -> String? {
        name.hasSuffix("." + stored) ? String(name.dropLast(stored.count)) : nil
    }

    /// The name of an expert's own matrix.
    func name(_ prefix: String, expert: Int, part: Int) -> String {
        "\(prefix)\(container).\(expert).\(parts[part])"
    }

    /// The shape of an expert's own matrix; nil where a stacked tensor cannot be one of these.
    func partShape(_ shape: [Int]) -> [Int]? {
        let slice = Array(shape.dropFirst())
        guard (1...2).contains(slice.count), shape.allSatisfy({ $0 > 0 && $0 < 1 << 31 }),
            shape[0] < 1 << 20
        else { return nil }
        let isSwapped = isTransposed && slice.count == 2
        let outputs = isSwapped ? slice[1] : slice[0]
        guard outputs % parts.count == 0 else { return nil }
        return [outputs / parts.count]
            + (slice.count == 2 ? [isSwapped ? slice[0] : slice[1]] : [])
    }

    /// The shape of the stacked tensor of experts whose matrices have a shape.
    func stackedShape(_ part: [Int], experts: Int) -> [Int] {
        let outputs = part[0] * parts.count
        guard part.count == 2 else { return [experts, outputs] }
        return isTransposed ? [experts, part[1], outputs] : [experts, outputs, part[1]]
    }

    /// The row of a slice, were it `[outputs, inputs]`, that an output of a part is.
    private func row(_ output: Int, of part: Int, outputs: Int) -> Int {
        alternates ? output * parts.count + part : part * outputs + output
    }

    /// A matrix out of an expert's slice; shares its memory where it lies there as it is.
    ///
    /// - Parameter isTransposed: Whether the slice is `[inputs, outputs]`.
    func part(_ index: Int, of slice: Tensor, isTransposed: Bool) -> Tensor {
        let isSwapped = isTransposed && slice.shape.count == 2
        let all = isSwapped ? slice.shape[1] : slice.shape[0]
        let (outputs, inputs) = (all / parts.count, slice.count / all)
        let shape = slice.shape.count == 2 ? [outputs, inputs] : [outputs]
        guard isSwapped || (alternates && parts.count > 1) else {
            let rows = slice.rows(index * outputs..<(index + 1) * outputs)
            // Only what a file holds is there for all of its parts at no cost.
            return slice.ownedByteCount == 0 ? rows : rows.owned()
        }
        var result = Tensor(uninitialized: shape, slice.elementType)
        copy(
            slice, to: &result, outputs: outputs, inputs: inputs, swaps: isSwapped,
            width: all, isReading: true, part: index)
        return result
    }

    /// Puts a matrix into an expert's slice, `[outputs, inputs]` or as files have it.
    private func copy(
        _ source: Tensor, to target: inout Tensor, outputs: Int, inputs: Int, swaps: Bool,
        width: Int, isReading: Bool, part: Int, at offset: Int = 0
    ) {
        let size = source.elementType.byteCount
        source.withUnsafeBytes { from in
            target.withUnsafeMutableBytes { to in
                guard let from = from.baseAddress, let to = to.baseAddress else { return }
                // Blocks of outputs, so that rows of a transposed slice are read in stretches.
                let block = 32
                parallelFor((outputs + block - 1) / block) { index in
                    let range = index * block..<min(outputs, (index + 1) * block)
                    for input in 0..<(swaps ? inputs : 1) {
                        for output in range {
                            let row = row(output, of: part, outputs: outputs)
                            let packed = (output * inputs + input) * size
                            let placed =
                                offset + (swaps ? input * width + row : row * inputs) * size
                            let count = swaps ? size : inputs * size
                            if isReading {
                                (to + packed).copyMemory(from: from + placed, byteCount: count)
                            } else {
                                (to + placed).copyMemory(from: from + packed, byteCount: count)
                            }
                        }
                    }
                }
            }
        }
    }

    /// The stacked tensor of matrices.
    ///
    /// - Parameter matrices: For each expert its parts, all of one element type.
    func stacked(_ matrices: [[Tensor]]) -> Tensor {
        let part = matrices[0][0].shape
        var result = Tensor(
            uninitialized: stackedShape(part, experts: matrices.count), matrices[0][0].elementType)
        let (outputs, inputs) = (part[0], part.count == 2 ? part[1] : 1)
        let slice = parts.count * outputs * inputs * result.elementType.byteCount
        for (expert, matrices) in matrices.enumerated() {
            for (index, matrix) in matrices.enumerated() {
                copy(
                    matrix, to: &result, outputs: outputs, inputs: inputs,
                    swaps: isTransposed && part.count == 2, width: parts.count * outputs,
                    isReading: false, part: index, at: expert * slice)
            }
        }
        return result
    }
}
