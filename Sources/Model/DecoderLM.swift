public import FledgeCore
public import FledgeTensor

/// A decoder of the Llama family: rotary positions, RMS norms, grouped heads, gated MLP.
public final class DecoderLM: DivisibleLM {
    /// Sizes and constants.
    public let configuration: DecoderConfiguration
    /// The element type that plain matrices are stored in and activations are computed in.
    public let elementType: ElementType
    let embedding: Embedding
    let layers: [DecoderLayer]
    let norm: RMSNorm
    /// The output matrix where it is not the embedding table.
    let untiedHead: Linear?
    private let rotary: RotaryTable

    /// Creates a model from its parts.
    init(
        _ configuration: DecoderConfiguration, embedding: Embedding, layers: [DecoderLayer],
        norm: RMSNorm, head: Linear?, _ type: ElementType
    ) {
        (self.configuration, elementType) = (configuration, type)
        (self.embedding, self.layers, self.norm, untiedHead) = (embedding, layers, norm, head)
        let (frequencies, factor) = configuration.rotaryFrequencies()
        rotary = RotaryTable(inverseFrequencies: frequencies, attentionFactor: factor)
    }

    /// The output matrix, shape `[vocabulary, channels]`.
    public var head: LinearMatrix { untiedHead?.matrix ?? embedding.matrix }

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
        requireComputable(layout.positions)
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
        behind layers: ArraySlice<DecoderLayer>, _ x: consuming Tensor, _ layout: SequenceLayout,
        _ pass: ForwardPass
    ) -> Tensor {
        let positions = layout.positions
        for layer in layers {
            let block = { [rotary] (x: Tensor) in
                layer(x, rotary: rotary, layout: layout, positions: positions, pass)
            }
            x = pass.recomputesBlocks ? recomputed(x, layer.parameters, block) : block(x)
        }
        return x
    }

    /// The states after the final norm for tokens that extend branches of a cache.
    public func hiddenStates(
        _ ids: [Int32], extending branches: [KeyValueCache.Extension], of cache: KeyValueCache,
        _ pass: ForwardPass
    ) -> Tensor {
        precondition(cache.blocks.count == layers.count, "hiddenStates: cache of another model")
        let run = cache.extend(branches)
        precondition(
            ids.count == run.rows.count, "hiddenStates: \(ids.count) ids, \(run.rows.count) rows")
        requireComputable(run.positions)
        var x = embedding(ids, pass)
        for (index, layer) in layers.enumerated() {
            x = layer(x, rotary: rotary, run: run, cache: &cache.blocks[index], pass)
        }
        return norm(x)
    }

    private func requireComputable(_ positions: [Int32]) {
        guard let longest = configuration.longestSequence else { return }
        precondition(
            positions.allSatisfy { $0 < longest },
            "hiddenStates: a sequence is longer than \(longest) tokens (longestSequence)")
    }
}
