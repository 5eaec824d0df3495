internal import FledgeCore
public import FledgeModel
internal import FledgeTensor

/// What a training step will hold at its peak, in bytes, before it is run.
///
/// Counts what lies in tensors (``BufferPool/peakBytes``), each rounded up as the pool does. Beside it
/// a process holds its code, the tokenizer, the samples, scratch of products and mapped files.
public struct MemoryPrediction: Hashable, Sendable {
    /// Weights, adapters and float32 masters, those of mapped files left out.
    public var weights = 0
    /// Weights that lie in mapped files, as the process will have them resident.
    public var mapped = 0
    /// Gradients of everything that is trained.
    public var gradients = 0
    /// States of the optimizer.
    public var optimizer = 0
    /// What the forward pass keeps for the backward pass.
    public var activations = 0
    /// The most that the loss, or one block's backward pass, needs for itself.
    public var working = 0
    /// The most that an evaluation needs beside weights and optimizer; see ``include(evaluationOf:supervised:in:)``.
    public var evaluation = 0
    /// All of it at the moment when it is most.
    public var peak = 0

    /// Predicts a step of a model with its adapters attached and its trainable parameters marked.
    ///
    /// - Parameters:
    ///   - tokens: Tokens of the largest micro-batch.
    ///   - supervised: Supervised rows of it.
    ///   - accumulates: Whether a step has several micro-batches, so that a forward pass finds the
    ///     gradients of those before it.
    ///   - recomputesBlocks: Whether blocks keep their input only.
    ///   - optimizer: What says how large its states are.
    public init(
        of model: some CausalLM, tokens: Int, supervised: Int, accumulates: Bool = false,
        recomputesBlocks: Bool = false, optimizer: any Optimizer = AdamW()
    ) {
        let trainable = model.trainableParameters
        (weights, mapped) = Self.weights(of: model)
        let sizes = trainable.map { BufferPool.sizeClass($0.value.count * 4) }
        gradients = sizes.reduce(0, +)
        let driver = OptimizerDriver(optimizer, trainable)
        self.optimizer = driver.stateBytes

        let run = TokenMemory(tokens: tokens, model.elementType)
        let recorded = model.recordedBlocks.map { $0.activationBytes(run) }
        let hidden = run.bytes(model.head.shape[1])
        let statistics = run.bytes(1, sums: true)
        let kept = recorded.reduce(0) { $0 + $1.kept }
        let most = recorded.map(\.kept).max() ?? 0
        let backward = recorded.map(\.backward).max() ?? 0
        let head = HeadMemory(
            model, run, supervised: supervised,
            trainsHead: model.head.parameter?.isTrainable ?? false)
        // The final norm keeps its input; blocks that are computed again keep theirs.
        activations =
            hidden + statistics + (recomputesBlocks ? hidden * recorded.count : kept)
            + model.blocks.reduce(0) { $0 + $1.sideBytes(run) }
        working = max(head.forward, backward + (recomputesBlocks ? most : 0))
        let before = accumulates ? gradients : 0
        let atHead = activations + head.forward + before
        // By then the final norm has released its input; a block that is computed again shares its
        // own with what was kept.
        let atLastBlock =
            activations - hidden - statistics + backward
            + (recomputesBlocks ? most - hidden : 0) + max(before, head.headGradient)
        let atFirstBlock = most + backward + gradients
        let atStep = gradients + driver.workingBytes()
        peak = weights + self.optimizer + max(atHead, atLastBlock, atFirstBlock, atStep)
    }

    /// Adds the weights of a model that is held beside the one that is trained.
    public mutating func add(_ companion: some CausalLM) {
        let (owned, mapped) = Self.weights(of: companion)
        weights += owned
        peak += owned
        self.mapped += mapped
    }

    /// Bytes of a model's weights: those in memory of their own, and those of mapped files.
    private static func weights(of model: some CausalLM) -> (owned: Int, mapped: Int) {
        var (owned, mapped) = (0, 0)
        for parameter in model.parameters {
            let bytes = parameter.value.ownedByteCount
            owned += bytes + (parameter.master?.ownedByteCount ?? 0)
            if bytes == 0 {
                mapped += parameter.value.count * parameter.value.elementType.byteCount
            }
        }
        for matrix in model.quantizedMatrices {
            owned += matrix.ownedByteCount
            if matrix.ownedByteCount == 0 { mapped += matrix.byteCount }
        }
        return (owned, mapped)
    }

    /// Counts in that batches are evaluated between the steps, which keep nothing for a backward pass
    /// but may be larger.
    ///
    /// - Parameters:
    ///   - tokens: Tokens of the largest batch.
    ///   - supervised: Supervised rows of it.
    public mutating func include(
        evaluationOf tokens: Int, supervised: Int, in model: some CausalLM
    ) {
        let run = TokenMemory(tokens: tokens, model.elementType)
        let head = HeadMemory(model, run, supervised: supervised, trainsHead: false)
        let forward = model.blocks.map { $0.activationBytes(run).forward }.max() ?? 0
        include(evaluation: max(forward, run.bytes(model.head.shape[1]) + head.evaluation))
    }

    /// Counts in that answers are generated between the steps, `answers` at once of `length` tokens
    /// with their questions.
    public mutating func include(
        generationOf answers: Int, length: Int, in model: some CausalLM
    ) {
        include(
            evaluation: TokenGenerator(model).tensorBytes(
                answers: answers, length: length))
    }

    /// Counts in that a model gives whole sequences values between the steps, without logits: the
    /// policy's, or one whose weights were added.
    ///
    /// - Parameter tokens: The most tokens that are computed at once.
    public mutating func include(scoringOf tokens: Int, in model: some CausalLM) {
        let run = TokenMemory(tokens: tokens, model.elementType)
        let forward = model.blocks.map { $0.activationBytes(run).forward }.max() ?? 0
        include(evaluation: max(forward, run.bytes(model.head.shape[1])))
    }

    private mutating func include(evaluation bytes: Int) {
        evaluation = max(evaluation, bytes)
        peak = max(peak, weights + optimizer + evaluation)
    }
}
