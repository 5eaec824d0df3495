public import FledgeCore
import FledgeKernels

/// How a ``QuantizedMatrix`` keeps its elements.
public enum QuantizedFormat: Hashable, Sendable {
    /// Four bits an element and a scale for each 64 (Dettmers et al. 2023), as bitsandbytes does it.
    ///
    /// - Parameter hasNestedScales: Whether the scales are quantised to eight bits in turn (double
    ///   quantisation).
    case fourBit(FourBitCode, hasNestedScales: Bool)
    /// Eight bits an element and a scale for each row (Dettmers et al. 2022).
    case int8
    /// Blocks as GGUF files hold them; ``isSupported`` says which.
    case ggml(GGUFBlockType)

    /// Whether products can be computed with it.
    public var isSupported: Bool { kernelFormat != nil }

    /// The number that kernels know it by.
    var kernelFormat: Int32? {
        switch self {
        case .fourBit: Int32(FLEDGE_CODES)
        case .int8: Int32(FLEDGE_INT8)
        case .ggml(let type): type.kernelFormat
        }
    }
}

extension GGUFBlockType {
    fileprivate var kernelFormat: Int32? {
        let number: Int? =
            switch self {
            case .q4_0: FLEDGE_Q4_0
            case .q4_1: FLEDGE_Q4_1
            case .q5_0: FLEDGE_Q5_0
            case .q5_1: FLEDGE_Q5_1
            case .q8_0: FLEDGE_Q8_0
            case .q2_K: FLEDGE_Q2_K
            case .q3_K: FLEDGE_Q3_K
            case .q4_K: FLEDGE_Q4_K
            case .q5_K: FLEDGE_Q5_K
            case .q6_K: FLEDGE_Q6_K
            default: nil
            }
        return number.map(Int32.init)
    }
}

extension QuantizedFormat: CustomStringConvertible {
    /// A name such as `NF4`, `FP4 with nested scales`, `int8` or `Q4_1`.
    public var description: String {
        switch self {
        case .fourBit(let code, let hasNestedScales):
            code.rawValue.uppercased() + (hasNestedScales ? " with nested scales" : "")
        case .int8: "int8"
        case .ggml(let type): type.description
        }
    }
}
