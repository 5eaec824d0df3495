/// What a tensor's elements are stored as.
public enum ElementType: UInt8, Sendable {
    /// IEEE binary32, what training computes in.
    case float32
    /// IEEE binary64, for gradient checks.
    case float64
    /// The upper half of a binary32, to store and multiply; sums are kept in float32.
    case bfloat16
    /// Bytes, such as the codes of an optimizer's 8-bit state: to be kept, not to be computed with.
    case uint8

    /// Size of one element in bytes.
    public var byteCount: Int {
        switch self {
        case .float32: 4
        case .float64: 8
        case .bfloat16: 2
        case .uint8: 1
        }
    }

    /// The type that sums, statistics and gradients of parameters are kept in.
    public var accumulator: ElementType { self == .float64 ? .float64 : .float32 }
}
