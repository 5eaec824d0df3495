public import FledgeTensor

/// A block of a decoder: from the residual stream to the residual stream.
///
/// ```swift
/// final class MyBlock: DecoderBlock {
///     func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
///         let attended = x + attention(norm(x), pass)
///         return attended + mlp(otherNorm(attended), pass)
///     }
/// }
/// ```
public protocol DecoderBlock: Module {
    /// The states behind the block, shape `[tokens, channels]` as `x`.
    ///
    /// A token's state has to follow from the tokens of its sequence up to itself and their positions
    /// alone; what reaches from one to another goes through ``ForwardPass/context``.
    func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor

    /// The streams in ``ForwardPass/sides`` that the block reads.
    var reads: [String] { get }

    /// Those that it gives to later blocks.
    var gives: [String] { get }

    /// Bytes of the streams that the block is the first to need, which live as long as the pass.
    func sideBytes(_ run: TokenMemory) -> Int

    /// What the block holds for a run of tokens, with the adapters that take part.
    func activationBytes(_ run: TokenMemory) -> ActivationBytes

    /// Bytes of what the block keeps in a cache, keys and values for one.
    func stateBytes(_ cache: CacheSize, _ type: ElementType) -> Int
}

extension DecoderBlock {
    /// None.
    public var reads: [String] { [] }
    /// None.
    public var gives: [String] { [] }
    /// Nothing.
    public func sideBytes(_ run: TokenMemory) -> Int { 0 }
}

/// How much a cache holds.
public struct CacheSize: Hashable, Sendable {
    /// Rows that there is room for, one a token.
    public var rows: Int
    /// Sequences that are under way.
    public var sequences: Int

    /// Creates a size.
    public init(rows: Int, sequences: Int) { (self.rows, self.sequences) = (rows, sequences) }
}
