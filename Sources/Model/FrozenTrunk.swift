public import FledgeCore
public import FledgeTensor

/// A model that computes what lies below its first trained block once for each sequence, and keeps it in
/// a file.
///
/// It takes the model's place in an objective, in training and in evaluation alike. Numbers are those of
/// the model, bit for bit: what is kept was computed as it always is, and is known by the tokens and
/// positions of its sequence, whatever batch they come in. The file has no name and no limit but the
/// disk's; ``bytesPerToken`` says what it grows by.
///
/// ```swift
/// model.makeTrainable { $0.name.contains(".29.") }
/// let trainer = Trainer(ObjectiveStage(try FrozenTrunk(model, folder: "runs/a"), objective), …)
/// ```
public final class FrozenTrunk: CausalLM {
    /// The model.
    public let model: any DivisibleLM
    /// The first block that is trained; what enters it is kept.
    public let block: Int
    package let states: KeptStates

    /// Keeps what enters the first block that is trained.
    ///
    /// Nothing below it may be changed as long as the trunk is used.
    ///
    /// - Parameter folder: Where the file lies, from the first sequence on; without a name, so that
    ///   nothing stays behind.
    /// - Throws: ``FledgeError`` when no block lies below, or adapters do.
    public convenience init(_ model: any DivisibleLM, folder: String) throws {
        try self.init(model, keeping: KeptStates(folder: folder))
    }

    /// Keeps what enters the first block that is trained in a table that is there.
    package convenience init(_ model: any DivisibleLM, keeping states: KeptStates) throws {
        guard model.handsOverStreamOnly else {
            throw FledgeError(
                .unsupported,
                "Blocks of \(model.configuration.modelType) read more than what the block before gives, "
                    + "which is not kept.",
                advice: "Leave cache_frozen_activations out.")
        }
        let block = model.firstTrainedBlock
        guard block > 0 else {
            let first =
                model.stem.trainableParameters.first
                ?? model.blocks.first?.trainableParameters.first
            throw FledgeError(
                .configuration,
                "No frozen block lies below what is trained\(first.map { " (\($0.name))" } ?? ""), so there are no activations to keep.",
                advice: "Train last blocks alone, or leave cache_frozen_activations out.")
        }
        let below = model.blocks[..<block].lazy.flatMap(\.linears)
        if let adapted = below.first(where: { $0.adapter != nil }) {
            throw FledgeError(
                .configuration,
                "An adapter on \(adapted.name) lies below block \(block), the first that is trained, and what it draws would be kept.",
                advice: "Merge it, or leave cache_frozen_activations out.")
        }
        self.init(model, block, states)
    }

    private init(_ model: any DivisibleLM, _ block: Int, _ states: KeptStates) {
        (self.model, self.block, self.states) = (model, block, states)
    }

    /// Another model with the same weights below the block, such as the one that a policy began as and
    /// is held against: what either computes serves both.
    public func shared(with other: any DivisibleLM) -> FrozenTrunk {
        precondition(
            other.blocks.count == model.blocks.count && other.elementType == model.elementType,
            "FrozenTrunk: shared with a model of another shape")
        states.isShared = true
        return FrozenTrunk(other, block, states)
    }

    /// Whether what is kept is used and added to; for measurements of a run without.
    package var isActive: Bool {
        get { states.isActive }
        set { states.isActive = newValue }
    }

    /// Whether a reference computes with what is kept too.
    package var isShared: Bool { states.isShared }

    /// What the file grows by with each token that is kept.
    public var bytesPerToken: Int {
        model.configuration.hiddenSize * model.elementType.byteCount
    }

    /// The size of the file, in bytes.
    public var keptBytes: Int { states.byteCount }

    // MARK: - As a model

    /// That of the model.
    public var configuration: DecoderConfiguration { model.configuration }
    /// That of the model.
    public var elementType: ElementType { model.elementType }
    /// That of the model.
    public var head: LanguageHead { model.head }
    /// That of the model.
    public var surroundings: Surroundings? { model.surroundings }
    /// Those of the model.
    public var blocks: [any DecoderBlock] { model.blocks }

    /// Lists the model.
    public func describe(to description: inout ModuleDescription) { description.add(model) }

    /// The states after the final norm, shape `[tokens, channels]`.
    ///
    /// With noise on embeddings, where routers are counted, and in another precision than the model's, they
    /// are computed as without a trunk.
    public func hiddenStates(
        _ ids: [Int32], layout: SequenceLayout, _ pass: ForwardPass
    ) -> Tensor {
        let isNoisy = pass.isTraining && pass.embeddingNoise > 0
        guard !isNoisy, pass.routers == nil, pass.elementType == elementType,
            pass.productOrder == .blocks
        else {
            return model.hiddenStates(ids, layout: layout, pass)
        }
        return model.hiddenStates(
            from: states.states(ids, layout: layout) { ids, layout in
                // Nothing below draws, so that an evaluation computes the same.
                model.states(entering: block, ids, layout: layout, ForwardPass(pass.elementType))
            }, entering: block, layout: layout, pass)
    }

    /// Those of the model.
    public func hiddenStates(
        _ ids: [Int32], extending branches: [KeyValueCache.Extension], of cache: KeyValueCache,
        _ pass: ForwardPass
    ) -> Tensor {
        model.hiddenStates(ids, extending: branches, of: cache, pass)
    }

    /// Throws what went wrong with the file: a full disk, for one.
    public func requireSound() throws {
        if let failure = states.failure { throw failure }
    }
}
