public import FledgeCore
public import FledgeTensor

/// A decoder: an embedding, blocks of whatever kind, a last norm, and a head.
public final class DecoderLM: DivisibleLM {
    /// Sizes and constants.
    public let configuration: DecoderConfiguration
    /// The element type that plain matrices are stored in and activations are computed in.
    public let elementType: ElementType
    let embedding: Embedding
    let inputs: (any SideInputs)?
    let layers: [any DecoderBlock]
    let norm: RMSNorm
    /// The output matrix where it is not the embedding table.
    let untiedHead: Linear?
    /// What the model's folder holds beside it.
    public let surroundings: Surroundings?

    /// Creates a model from its parts.
    init(
        _ configuration: DecoderConfiguration, embedding: Embedding, inputs: (any SideInputs)?,
        layers: [any DecoderBlock], norm: RMSNorm, head: Linear?, in surroundings: Surroundings?,
        _ type: ElementType
    ) {
        (self.configuration, elementType) = (configuration, type)
        self.surroundings = surroundings
        (self.embedding, self.inputs, self.layers) = (embedding, inputs, layers)
        (self.norm, untiedHead) = (norm, head)
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
        description.add(inputs)
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
        requireDivisible()
        return states(behind: layers[..<block], ids, layout, pass)
    }

    /// The states after the final norm for a flat run of sequences, shape `[tokens, channels]`.
    public func hiddenStates(
        _ ids: [Int32], layout: SequenceLayout, _ pass: ForwardPass
    ) -> Tensor {
        norm(states(behind: layers[...], ids, layout, pass))
    }

    private func requireDivisible() {
        precondition(
            handsOverStreamOnly, "states: blocks read more than the states that enter them")
    }

    private func states(
        behind layers: ArraySlice<any DecoderBlock>, _ ids: [Int32], _ layout: SequenceLayout,
        _ pass: ForwardPass
    ) -> Tensor {
        precondition(
            ids.count == layout.count, "hiddenStates: \(ids.count) ids, layout of \(layout.count)")
        var pass = pass
        (pass.context, pass.sides) = (pass.context(of: layout), SideStreams())
        let x = pass.withNoise(embedding(ids, pass))
        inputs?.prepare(ids, x, pass)
        return states(behind: layers, x, pass)
    }

    /// The states after the final norm, from those that enter a block, shape `[tokens, channels]`.
    public func hiddenStates(
        from states: consuming Tensor, entering block: Int, layout: SequenceLayout,
        _ pass: ForwardPass
    ) -> Tensor {
        requireDivisible()
        var pass = pass
        pass.context = pass.context(of: layout)
        return norm(self.states(behind: layers[block...], states, pass))
    }

    /// What enters is let go of as soon as nothing needs it any more.
    private func states(
        behind layers: ArraySlice<any DecoderBlock>, _ x: consuming Tensor, _ pass: ForwardPass
    ) -> Tensor {
        for layer in layers {
            x = pass.recomputesBlocks ? layer.recomputing(x, pass) : layer(x, pass)
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
        (pass.context, pass.sides) = (
            TokenContext(extending: branches, of: cache), SideStreams()
        )
        precondition(
            ids.count == pass.context.count,
            "hiddenStates: \(ids.count) ids, \(pass.context.count) rows")
        var x = embedding(ids, pass)
        inputs?.prepare(ids, x, pass)
        for layer in layers { x = layer(x, pass) }
        return norm(x)
    }
}
