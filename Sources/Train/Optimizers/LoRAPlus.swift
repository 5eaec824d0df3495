public import FledgeTensor

/// LoRA+ (Hayou and others 2024): the factor B of adapters is trained faster than A.
public struct LoRAPlus: Optimizer {
    /// What trains adapters.
    public var base: any DecayingOptimizer
    /// How much faster B is trained, and biases with it.
    public var ratio: Double
    /// What the rate of adapters of embeddings is multiplied by.
    public var embeddingFactor: Double

    /// Creates an optimizer.
    public init(_ base: any DecayingOptimizer, ratio: Double, embeddingFactor: Double = 1) {
        (self.base, self.ratio, self.embeddingFactor) = (base, ratio, embeddingFactor)
    }

    /// A, B and adapters of embeddings, each with weight decay and without.
    public func groups(of parameters: [Parameter]) -> [ParameterGroup] {
        func factor(_ parameter: Parameter) -> Double {
            if parameter.name.contains("lora_embedding_B") { return embeddingFactor }
            let isFast = parameter.name.contains("lora_B") || parameter.value.shape.count == 1
            return isFast ? ratio : 1
        }
        let factors = Dictionary(grouping: parameters, by: factor)
        return factors.keys.sorted().flatMap { factor in
            base.groups(of: factors[factor] ?? []).map { group in
                var group = group
                group.name = "rate × \(factor), \(group.name)"
                group.rateFactor *= factor
                return group
            }
        }
    }

    /// The state of the rule that trains adapters.
    public func initialState(for parameter: Parameter) -> State {
        base.initialState(for: parameter)
    }

    /// One step of the rule that trains adapters.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) throws {
        try base.update(parameter, gradient: gradient, state: &state, step)
    }
}
