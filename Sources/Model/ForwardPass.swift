public import FledgeCore
public import FledgeTensor

/// What one pass through a model needs to know beside the tokens: precision and random keys.
public struct ForwardPass {
    /// The element type of activations: float32, bfloat16, or float64 in gradient checks.
    public let elementType: ElementType
    /// Whether a block keeps its input only and is computed again in the backward pass.
    public var recomputesBlocks = false
    /// The order of the linear layers' products: ``ProductOrder/lanes`` where each pass computes a few
    /// tokens, as in generation.
    public var productOrder: ProductOrder = .blocks
    /// Key and position of every token, where dropout is active; nil in evaluation and generation.
    private let tokens: [(sample: RandomKey, position: Int)]?
    private let sharesTokens: Bool

    /// A pass without dropout: evaluation and generation.
    public init(_ elementType: ElementType) {
        self.elementType = elementType
        (tokens, sharesTokens) = (nil, false)
    }

    /// A training pass whose dropout is keyed by seed, epoch, sample and position, so that batch
    /// shape, packing and accumulation change no draw.
    public init(_ elementType: ElementType, training batch: TokenBatch, seed: UInt64) {
        self.elementType = elementType
        let root = RandomKey(seed: seed).appending("dropout").appending(batch.epoch)
        var tokens: [(sample: RandomKey, position: Int)] = []
        tokens.reserveCapacity(batch.ids.count)
        for (segment, sample) in zip(batch.layout.segments, batch.samples) {
            let key = root.appending(sample)
            for offset in 0..<segment.length {
                tokens.append((key, segment.firstPosition + offset))
            }
        }
        self.tokens = tokens
        sharesTokens = batch.layout.hasSharedSegments
    }

    /// The dropout of one place in the model; nil where it does nothing.
    ///
    /// - Precondition: No samples share a prefix; each would draw for it by itself.
    public func dropout(_ probability: Float, at site: String) -> Dropout? {
        guard probability > 0, let tokens else { return nil }
        precondition(
            !sharesTokens, "dropout at \(site): samples that share a prefix have draws of their own"
        )
        let place = RandomKey(seed: 0).appending(site).bits
        return Dropout(
            probability: probability,
            rowKeys: tokens.map { $0.sample.appending(place).appending($0.position).bits })
    }
}
