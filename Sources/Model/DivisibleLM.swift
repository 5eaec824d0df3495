public import FledgeCore
public import FledgeTensor

/// A language model that can be computed in two parts: up to a block, and from it on.
///
/// What lies below the first block that is trained gives a sequence the same states in every epoch, so
/// that they can be kept; see ``FrozenTrunk``.
public protocol DivisibleLM: CausalLM {
    /// What is computed before all blocks, such as the embedding.
    var stem: any Module { get }

    /// The states that enter a block, shape `[tokens, channels]`: those behind the stem for 0, those
    /// before the final norm for the number of blocks.
    ///
    /// - Precondition: Blocks read nothing else (``handsOverStreamOnly``).
    ///
    /// A token's states have to follow from the tokens of its sequence up to itself and their positions
    /// alone, bit for bit, but for what adapters and noise on embeddings draw.
    func states(
        entering block: Int, _ ids: [Int32], layout: SequenceLayout, _ pass: ForwardPass
    ) -> Tensor

    /// The states after the final norm, from those that enter a block, shape `[tokens, channels]`.
    func hiddenStates(
        from states: consuming Tensor, entering block: Int, layout: SequenceLayout,
        _ pass: ForwardPass
    ) -> Tensor
}

extension DivisibleLM {
    /// Whether all that a block reads are the states that enter it.
    public var handsOverStreamOnly: Bool { blocks.allSatisfy { $0.reads.isEmpty } }

    /// Both parts, one after the other.
    public func hiddenStates(
        _ ids: [Int32], layout: SequenceLayout, _ pass: ForwardPass
    ) -> Tensor {
        hiddenStates(
            from: states(entering: 0, ids, layout: layout, pass), entering: 0, layout: layout, pass)
    }
}
