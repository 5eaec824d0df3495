public import FledgeCore
public import FledgeModel
public import FledgeTensor

/// A reference that computes: objectives that need more than the probabilities of targets ask it for
/// states and head.
public protocol ReferenceModel: ReferencePolicy {
    /// The states after the final norm, shape `[tokens, channels]`, outside of any tape, and the matrix
    /// that makes logits of them.
    func logits(_ batch: TokenBatch) throws -> ReferenceLogits
}

extension ReferenceModel {
    /// ln p of each prediction of the batch's supervision.
    public func logProbabilities(_ batch: TokenBatch) throws -> [Double] {
        try logProbabilities(batch, temperature: 1)
    }

    /// The same where logits are divided by a temperature.
    public func logProbabilities(_ batch: TokenBatch, temperature: Double) throws -> [Double] {
        let logits = try logits(batch)
        return tokenLogProbabilities(
            logits.hidden, head: logits.head, batch.supervision, temperature: temperature
        ).doubles()
    }
}

/// A model of its own as the reference: a given one, or a copy of the start.
public struct ModelReference: ReferenceModel {
    private let model: any CausalLM

    /// Creates a reference from a model that nothing trains.
    public init(_ model: some CausalLM) { self.model = model }

    /// States and head of the model.
    ///
    /// - Throws: `FledgeError` when a sequence is longer than the model's window.
    public func logits(_ batch: TokenBatch) throws -> ReferenceLogits {
        try model.requireComputable(batch, as: "reference")
        return untracked(model.parameters) {
            ReferenceLogits(
                hidden: model.hiddenStates(batch, ForwardPass(model.elementType)).detached,
                head: model.head)
        }
    }
}

/// The policy itself with its adapters off: the model that they were attached to, without a second
/// copy of it.
public struct PolicyWithoutAdapters: ReferenceModel {
    private let policy: any CausalLM

    /// Creates a reference from a policy whose adapters alone are trained.
    public init(_ policy: some CausalLM) { self.policy = policy }

    /// States and head of the model below the adapters, which take part again afterwards.
    public func logits(_ batch: TokenBatch) throws -> ReferenceLogits {
        let linears = policy.linears
        let enabled = linears.map(\.isAdapterEnabled)
        for linear in linears { linear.isAdapterEnabled = false }
        defer {
            for (linear, isEnabled) in zip(linears, enabled) { linear.isAdapterEnabled = isEnabled }
        }
        return untracked(policy.parameters) {
            ReferenceLogits(
                hidden: policy.hiddenStates(batch, ForwardPass(policy.elementType)).detached,
                head: policy.head)
        }
    }
}
