internal import FledgeTensor

/// The matrices that a low-rank optimizer takes: all weights of linear layers but the head's, or those
/// whose names hold one of some parts.
public struct MatrixTargets: Hashable, Sendable {
    private let parts: [String]?

    /// Creates the rule; `all` alone stands for all.
    public init(_ parts: [String] = ["all"]) { self.parts = parts == ["all"] ? nil : parts }

    func holds(_ parameter: Parameter) -> Bool {
        let name = parameter.name
        guard parameter.value.shape.count == 2, !name.contains("embed") else { return false }
        guard let parts else { return !name.contains("lm_head") }
        return parts.contains { name.contains($0) }
    }

    /// Those that `optimizer` takes, with weight decay, and the rest as `base` divides it.
    func groups(
        of parameters: [Parameter], _ name: String, _ optimizer: any Optimizer,
        rest base: any DecayingOptimizer
    ) -> [ParameterGroup] {
        var rest = base
        rest.decayRule = .allButBiases
        let (taken, others) = (parameters.filter(holds), parameters.filter { !holds($0) })
        let group = ParameterGroup(name, taken, optimizer, weightDecay: base.weightDecay)
        return (taken.isEmpty ? [] : [group]) + rest.groups(of: others)
    }
}
