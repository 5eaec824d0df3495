public import FledgeTensor

/// GaLore (Zhao and others 2024): another optimizer trains matrices in a subspace of few dimensions that
/// their gradients' singular vectors span.
public struct GaLore: ZeroStateOptimizer {
    /// What the subspaces are.
    public struct Settings: Hashable, Sendable {
        /// Dimensions.
        public var rank: Int
        /// Steps until the subspace is looked for again.
        public var interval: Int
        /// What changes are multiplied by.
        public var scale: Double
        /// The sides that are projected.
        public var side: ProjectedSide

        /// Creates settings.
        public init(
            rank: Int = 16, interval: Int = 200, scale: Double = 2,
            side: ProjectedSide = .standard
        ) {
            (self.rank, self.interval) = (rank, interval)
            (self.scale, self.side) = (scale, side)
        }
    }

    /// What the subspaces are.
    public var settings: Settings
    /// The rule inside the subspaces, and of the parameters that have none.
    public var base: any DecayingOptimizer & ZeroStateOptimizer
    /// The matrices that are taken.
    public var targets: MatrixTargets

    /// Creates an optimizer.
    public init(
        _ settings: Settings, _ base: any DecayingOptimizer & ZeroStateOptimizer,
        targets: MatrixTargets = MatrixTargets()
    ) {
        (self.settings, self.base, self.targets) = (settings, base, targets)
    }

    /// The matrices with subspaces, and the rest.
    public func groups(of parameters: [Parameter]) -> [ParameterGroup] {
        targets.groups(of: parameters, "low-rank", self, rest: base)
    }

    private func projection(_ shape: [Int]) -> GradientProjection {
        GradientProjection(shape, rank: settings.rank, settings.side)
    }

    /// Bases, and the state of the rule in the subspace.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        let projection = projection(shape)
        return base.stateForms(name: name, shape: projection.projectedShape)
            .merging(projection.forms) { $1 }
    }

    /// The change in the subspace and in the whole, or the singular vectors.
    public func workingBytes(for parameter: Parameter) -> Int {
        projection(parameter.value.shape).workingBytes(
            findsBases: true, changing: parameter.changingBytes)
    }

    /// One step on one matrix.
    ///
    /// - Throws: `FledgeError` when the gradient's singular vectors cannot be found.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) throws {
        let projection = projection(gradient.shape)
        if (step.step - 1) % settings.interval == 0 {
            try projection.findBases(gradient, &state)
        }
        // The rule trains a matrix of zeros: what becomes of it is the change.
        let change = Parameter(
            parameter.name, Tensor(zeros: projection.projectedShape))
        var inner = step
        inner.weightDecay = 0
        try base.update(
            change, gradient: projection.projected(gradient, state), state: &state, inner)
        let expanded = projection.expanded(change.value, state)
        let keep = 1 - step.rate * step.weightDecay
        if base.decaysFirst { parameter.scaleKept(by: keep) }
        parameter.addToKept(expanded, factor: settings.scale)
        if !base.decaysFirst { parameter.scaleKept(by: keep) }
    }
}
