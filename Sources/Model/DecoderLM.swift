public import FledgeCore
public import FledgeTensor

/// A decoder: an embedding, blocks of whatever kind, a last norm, and a head.
public final class DecoderLM: DivisibleLM {
    /// Sizes and constants.
    public let configuration: DecoderConfiguration
    /// The element type that plain matrices are stored in and activations are computed in.
    public let elementType: ElementType
    let embedding: Embedding
    let layers: [any DecoderBlock]
    let norm: RMSNorm
    /// The output matrix where it is not the embedding table.
    let untiedHead: Linear?

    /// Creates a model from its parts.
    init(
        _ configuration: DecoderConfiguration, embedding: Embedding, layers: [any DecoderBlock],
        norm: RMSNorm, head: Linear?, _ type: ElementType
    ) {
        (self.configuration, elementType) = (configuration, type)
        (self.embedding, self.layers, self.norm, untiedHead) = (embedding, layers, norm, head)
    }

    /// From states to logits.
    public var head: LanguageHead {
        LanguageHead(
            untiedHead?.matrix ?? embedding.matrix, scale: configuration.logitScale,
            softCap: configuration.logitSoftCap)
    }

    /// The blocks.
    public var blocks: [any DecoderBlock] { layers }

    /// Lists embedding, blocks, norm and head.
    public func describe(to description: inout ModuleDescription) {
        description.add(embedding)
        for layer in layers { description.add(layer) }
        description.add(norm)
        description.add(untiedHead)
    }

    /// The embedding.
    public var stem: any Module { embedding }

    /// The states that enter a block, shape `[tokens, channels]`.
    public func states(
        entering block: Int, _ ids: [Int32], layout: SequenceLayout, _ pass: ForwardPass
    ) -> Tensor {
        precondition(
            ids.count == layout.count, "hiddenStates: \(ids.count) ids, layout of \(layout.count)")
        return states(behind: layers[..<block], pass.withNoise(embedding(ids, pass)), layout, pass)
    }

    /// The states after the final norm, from those that enter a block, shape `[tokens, channels]`.
    public func hiddenStates(
        from states: consuming Tensor, entering block: Int, layout: SequenceLayout,
        _ pass: ForwardPass
    ) -> Tensor {
        norm(self.states(behind: layers[block...], states, layout, pass))
    }

    /// What enters is let go of as soon as nothing needs it any more.
    private func states(
        behind layers: ArraySlice<any DecoderBlock>, _ x: consuming Tensor,
        _ layout: SequenceLayout, _ pass: ForwardPass
    ) -> Tensor {
        var pass = pass
        pass.context = TokenContext(layout, shifts: pass.shiftsAttention && pass.isTraining)
        for layer in layers {
            let block = { [pass] (x: Tensor) in layer(x, pass) }
            x = pass.recomputesBlocks ? recomputed(x, layer.parameters, block) : block(x)
        }
        return x
    }

    /// The states after the final norm for tokens that extend branches of a cache.
    public func hiddenStates(
        _ ids: [Int32], extending branches: [KeyValueCache.Extension], of cache: KeyValueCache,
        _ pass: ForwardPass
    ) -> Tensor {
        cache.requireOwner(self)
        var pass = pass
        pass.context = TokenContext(extending: branches, of: cache)
        precondition(
            ids.count == pass.context.count,
            "hiddenStates: \(ids.count) ids, \(pass.context.count) rows")
        var x = embedding(ids, pass)
        for layer in layers { x = layer(x, pass) }
        return norm(x)
    }
}
