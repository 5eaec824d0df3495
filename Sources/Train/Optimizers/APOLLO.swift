internal import FledgeCore
public import FledgeTensor
internal import Foundation

/// APOLLO (Zhu and others 2024): gradients are scaled by what Adam would make of them in a small
/// subspace, row by row or as a whole.
public struct APOLLO: ZeroStateOptimizer {
    /// What the subspaces are and what is scaled.
    public struct Settings: Hashable, Sendable {
        /// Dimensions.
        public var rank: Int
        /// Steps until another subspace is taken.
        public var interval: Int
        /// Changes are multiplied by its root.
        public var scale: Double
        /// The side that is projected.
        public var side: ProjectedSide
        /// Whether subspaces are random; the gradient's singular vectors span them otherwise.
        public var isRandom: Bool
        /// Whether a matrix is scaled as a whole.
        public var scalesTensors: Bool
        /// Whether the root of the scale comes before growth is limited.
        public var scalesFirst: Bool
        /// The seed of the random numbers.
        public var seed: UInt64

        /// Creates settings.
        public init(
            rank: Int = 16, interval: Int = 200, scale: Double = 32,
            side: ProjectedSide = .standard, isRandom: Bool = true, scalesTensors: Bool = false,
            scalesFirst: Bool = false, seed: UInt64 = 42
        ) {
            (self.rank, self.interval, self.scale) = (rank, interval, scale)
            (self.side, self.isRandom) = (side, isRandom)
            (self.scalesTensors, self.scalesFirst) = (scalesTensors, scalesFirst)
            self.seed = seed
        }
    }

    /// What the subspaces are and what is scaled.
    public var settings: Settings
    /// The rule of the parameters that have no subspace, whose moments those of subspaces have too.
    public var base: EarlyEpsilonAdamW
    /// The matrices that are taken.
    public var targets: MatrixTargets

    /// Creates an optimizer.
    public init(
        _ settings: Settings, _ base: EarlyEpsilonAdamW, targets: MatrixTargets = MatrixTargets()
    ) {
        (self.settings, self.base, self.targets) = (settings, base, targets)
    }

    /// The matrices with subspaces, and the rest.
    public func groups(of parameters: [Parameter]) -> [ParameterGroup] {
        targets.groups(of: parameters, "low-rank", self, rest: base)
    }

    private func projection(_ shape: [Int]) -> GradientProjection {
        GradientProjection(
            shape, rank: settings.rank, settings.side, isOrthogonal: !settings.isRandom)
    }

    /// Bases, moments in the subspace, and how long the last change was.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        let projection = projection(shape)
        return base.stateForms(name: name, shape: projection.projectedShape)
            .merging(projection.forms) { $1 }.merging(["length": StateForm([1], .float64)]) { $1 }
    }

    /// The change, beside it that in the subspace or the singular vectors.
    public func workingBytes(for parameter: Parameter) -> Int {
        projection(parameter.value.shape).workingBytes(
            findsBases: !settings.isRandom, changing: parameter.changingBytes)
    }

    /// One step on one matrix.
    ///
    /// - Throws: `FledgeError` when the gradient's singular vectors are wanted and cannot be found.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) throws {
        let projection = projection(gradient.shape)
        let (turn, isDue) = (step.step - 1).quotientAndRemainder(dividingBy: settings.interval)
        var change = gradient.detached
        change.scale(by: step.gradientScale)
        if isDue == 0 {
            if settings.isRandom {
                let key = RandomKey(seed: settings.seed).appending("apollo")
                projection.drawBases(key.appending(parameter.name).appending(turn), &state)
            } else {
                try projection.findBases(change, &state)
            }
        }
        let small = projection.projected(change, state)
        // Adam's change of zeros at this rate is its direction before its bias is corrected.
        let correction =
            (1 - pow(base.base.beta2, Double(step.step))).squareRoot()
            / (1 - pow(base.base.beta1, Double(step.step)))
        let direction = Parameter(parameter.name, Tensor(zeros: small.shape))
        base.update(
            direction, gradient: small, state: &state,
            StepSettings(step: step.step, rate: -1 / correction))
        scaleRows(
            &change, by: direction.value, over: small, ofColumns: projection.sides.left)
        let root = settings.scale.squareRoot()
        if settings.scalesFirst { change.scale(by: root) }
        limit(&change, &state)
        if !settings.scalesFirst { change.scale(by: root) }
        parameter.addToKept(change, factor: -step.rate * correction)
        parameter.scaleKept(by: 1 - step.rate * step.weightDecay)
    }

    /// Multiplies by the ratio of lengths in the subspace, of each row (column where the rows are
    /// projected) or of all.
    private func scaleRows(
        _ change: inout Tensor, by direction: Tensor, over small: Tensor, ofColumns: Bool
    ) {
        if settings.scalesTensors {
            let ratio =
                direction.sumOfSquares().squareRoot() / (small.sumOfSquares().squareRoot() + 1e-8)
            return change.scale(by: ratio)
        }
        let lengths = Self.lengths(direction, ofColumns: ofColumns)
        let others = Self.lengths(small, ofColumns: ofColumns)
        let ratios = zip(lengths, others).map { $0 / ($1 + 1e-8) }
        let width = change.shape[1]
        change.withMutableFloats { change in
            for i in change.indices { change[i] *= ratios[ofColumns ? i % width : i / width] }
        }
    }

    private static func lengths(_ matrix: Tensor, ofColumns: Bool) -> [Float] {
        let width = matrix.shape[1]
        var sums = [Double](repeating: 0, count: matrix.shape[ofColumns ? 1 : 0])
        matrix.withFloats { elements in
            for i in elements.indices {
                sums[ofColumns ? i % width : i / width] += Double(elements[i] * elements[i])
            }
        }
        return sums.map { Float($0.squareRoot()) }
    }

    /// Lets a change be at most a hundredth longer than the last one (Chen and others 2024, Fira).
    private func limit(_ change: inout Tensor, _ state: inout State) {
        let length = change.sumOfSquares().squareRoot()
        let last = state["length"]?.scalar ?? 0
        var limiter = 1.0
        // No length yet is written as 0, and a change of nothing but zeros as less.
        if last != 0 { limiter = max(length / (max(last, 0) + 1e-8), 1.01) / 1.01 }
        if limiter != 1 { change.scale(by: 1 / limiter) }
        let kept = length / limiter
        state["length"] = Tensor([kept == 0 ? -1 : kept], shape: [1])
    }
}
