public import FledgeCore
public import FledgeTensor

/// What one pass through a model needs to know beside the tokens: precision and random keys.
public struct ForwardPass {
    /// The element type of activations: float32, bfloat16, or float64 in gradient checks.
    public let elementType: ElementType
    /// Whether a block keeps its input only and is computed again in the backward pass.
    public var recomputesBlocks = false
    /// Where the tokens stand and which others they see; a model sets it before its blocks run.
    public internal(set) var context = TokenContext.empty
    /// What blocks hand to later ones beside the residual stream; new for each pass.
    public internal(set) var sides = SideStreams()
    /// The order of the linear layers' products: ``ProductOrder/lanes`` where each pass computes a few
    /// tokens, as in generation.
    public var productOrder: ProductOrder = .blocks
    /// Whether dropout is active in training passes; preference stages turn it off.
    public var isDropoutEnabled = true
    /// How much noise training passes add to embeddings (NEFTune's α); zero for none.
    public var embeddingNoise = 0.0
    /// Whether tokens of training passes see a part of their sequence alone: a quarter, which lies
    /// half a quarter further on for half of the heads (LongLoRA's S²-Attn); not for samples that share
    /// prefixes.
    public var shiftsAttention = false
    /// What counts the routers of experts, for the loss that keeps them balanced; nil where none is asked
    /// for.
    public var routers: RouterBalance?
    /// Key, position and sequence length of every token in a training pass; nil in evaluation and
    /// generation.
    private var tokens: [KeyedToken]?
    private let seed: RandomKey
    private let epoch: Int
    private var sharesTokens: Bool

    private struct KeyedToken {
        var sample: Int
        var position: Int
        var length: Int
    }

    /// A pass without dropout: evaluation and generation.
    public init(_ elementType: ElementType) {
        self.elementType = elementType
        (tokens, sharesTokens, seed, epoch) = (nil, false, RandomKey(seed: 0), 0)
    }

    /// A training pass whose dropout is keyed by seed, epoch, sample and position, so that batch
    /// shape, packing and accumulation change no draw.
    public init(_ elementType: ElementType, training batch: TokenBatch, seed: UInt64) {
        self.elementType = elementType
        tokens = Self.keyed(batch)
        (self.seed, epoch) = (RandomKey(seed: seed), batch.epoch)
        sharesTokens = batch.layout.hasSharedTokens
    }

    /// The same pass for other tokens, such as a part of the batch.
    public func taking(_ batch: TokenBatch) -> ForwardPass {
        var copy = self
        if tokens != nil { copy.tokens = Self.keyed(batch) }
        copy.sharesTokens = batch.layout.hasSharedTokens
        return copy
    }

    private static func keyed(_ batch: TokenBatch) -> [KeyedToken] {
        var tokens: [KeyedToken] = []
        tokens.reserveCapacity(batch.ids.count)
        for (segment, sample) in zip(batch.layout.segments, batch.samples) {
            for offset in 0..<segment.length {
                tokens.append(
                    KeyedToken(
                        sample: sample, position: segment.firstPosition + offset,
                        length: segment.length))
            }
        }
        return tokens
    }

    /// What tokens of whole sequences see in this pass.
    func context(of layout: SequenceLayout) -> TokenContext {
        TokenContext(layout, shifts: shiftsAttention && isTraining)
    }

    /// Whether this is a training pass.
    public var isTraining: Bool { tokens != nil }

    /// The same pass with dropout off.
    public var withoutDropout: ForwardPass {
        var copy = self
        copy.isDropoutEnabled = false
        return copy
    }

    /// The dropout of one place in the model; nil where it does nothing.
    ///
    /// - Precondition: No samples share a prefix; each would draw for it by itself.
    public func dropout(_ probability: Float, at site: String) -> Dropout? {
        guard probability > 0, isDropoutEnabled, let tokens else { return nil }
        requireUnshared("dropout at \(site)")
        let keys = rowKeys("dropout", at: site)
        return Dropout(
            probability: probability, rowKeys: tokens.map { keys($0.sample, $0.position) })
    }

    /// The dropout of some rows of one place behind the model, such as a value head; nil where it does
    /// nothing. Samples may share prefixes, since every row is of one sample.
    ///
    /// - Parameters:
    ///   - rows: Indices into the run of tokens.
    ///   - samples: For each row the global index of its sample.
    public func dropout(
        _ probability: Float, at site: String, rows: [Int32], samples: [Int]
    ) -> Dropout? {
        precondition(
            rows.count == samples.count, "dropout: \(rows.count) rows, \(samples.count) samples")
        guard probability > 0, isDropoutEnabled, let tokens else { return nil }
        let keys = rowKeys("dropout", at: site)
        return Dropout(
            probability: probability,
            rowKeys: zip(rows, samples).map { keys($1, tokens[Int($0)].position) })
    }

    /// The embeddings `[tokens, channels]` of a training pass with uniform noise from ±α/√(L·channels)
    /// (NEFTune, Jain et al. 2023); as they are where no noise is asked for.
    ///
    /// L is the length of the token's own sample. The reference takes that of the longest sample of the
    /// padded batch, so that there the noise of a sample depends on its neighbours.
    ///
    /// - Precondition: No samples share a prefix; each would draw for it by itself.
    public func withNoise(_ embeddings: Tensor) -> Tensor {
        guard embeddingNoise > 0, let tokens else { return embeddings }
        requireUnshared("noise on embeddings")
        let channels = embeddings.shape[1]
        precondition(embeddings.shape[0] == tokens.count, "noise: \(embeddings.shape)")
        let keys = rowKeys("noise", at: "embeddings")
        var noise = Tensor(zeros: embeddings.shape)
        noise.withMutableFloats { noise in
            let noise = noise
            parallelFor(tokens.count) { index in
                let token = tokens[index]
                let bound = embeddingNoise / Double(token.length * channels).squareRoot()
                var generator = KeyedGenerator(
                    RandomKey(seed: keys(token.sample, token.position)))
                for channel in 0..<channels {
                    noise[index * channels + channel] = Float(
                        (2 * generator.uniform() - 1) * bound)
                }
            }
        }
        return embeddings + noise.converted(to: embeddings.elementType)
    }

    private func rowKeys(
        _ purpose: String, at site: String
    ) -> (_ sample: Int, _ position: Int) -> UInt64 {
        let root = seed.appending(purpose).appending(epoch)
        let place = RandomKey(seed: 0).appending(site).bits
        return { root.appending($0).appending(place).appending($1).bits }
    }

    private func requireUnshared(_ purpose: String) {
        precondition(
            !sharesTokens, "\(purpose): samples that share a prefix have draws of their own")
    }
}
