public import FledgeTensor

/// How much a pair of answers should cost, from the probabilities that policy and reference give them.
///
/// ```swift
/// struct Margin: PreferenceLoss {
///     let beta = 1.0
///     func callAsFunction(_ scores: PreferenceScores) -> Tensor {
///         mapped(scores.margins) { (value: max(0, 1 - $0), derivative: $0 < 1 ? -1 : 0) }
///     }
/// }
/// ```
public protocol PreferenceLoss: Sendable {
    /// What log-ratios are multiplied by to be rewards.
    var beta: Double { get }
    /// Whether it looks at a reference.
    var usesReference: Bool { get }
    /// Whether log-probabilities of answers are means over their tokens in place of sums.
    var averages: Bool { get }
    /// Whether the loss of a pair looks at the other pairs of its batch, so that batches must not be cut
    /// or put together.
    var couplesPairs: Bool { get }

    /// The losses of the pairs, `[pairs]`, from tape operations.
    func callAsFunction(_ scores: PreferenceScores) -> Tensor

    /// Further means over the pairs to report.
    ///
    /// - Parameter losses: What the loss gave for the scores.
    func metrics(_ scores: PreferenceScores, losses: [Double]) -> [String: Metric]
}

extension PreferenceLoss {
    /// It does.
    public var usesReference: Bool { true }
    /// They are sums.
    public var averages: Bool { false }
    /// It does not.
    public var couplesPairs: Bool { false }
    /// None.
    public func metrics(_ scores: PreferenceScores, losses: [Double]) -> [String: Metric] { [:] }
}

/// What a ``PreferenceLoss`` looks at: log-probabilities of both answers of each pair.
public struct PreferenceScores {
    /// The policy's of the better answers, `[pairs]`, float64.
    public let chosen: Tensor
    /// The policy's of the worse answers.
    public let rejected: Tensor
    /// The reference's of the better answers; zeros where the loss uses none.
    public let referenceChosen: Tensor
    /// The reference's of the worse answers.
    public let referenceRejected: Tensor

    /// Creates scores; without those of a reference its are zeros.
    public init(
        chosen: Tensor, rejected: Tensor, referenceChosen: Tensor? = nil,
        referenceRejected: Tensor? = nil
    ) {
        (self.chosen, self.rejected) = (chosen, rejected)
        self.referenceChosen = referenceChosen ?? Tensor(zeros: chosen.shape, chosen.elementType)
        self.referenceRejected =
            referenceRejected ?? Tensor(zeros: rejected.shape, rejected.elementType)
    }

    /// ln π(chosen) − ln π_ref(chosen).
    public var chosenRatios: Tensor { chosen - referenceChosen }
    /// ln π(rejected) − ln π_ref(rejected).
    public var rejectedRatios: Tensor { rejected - referenceRejected }
    /// How much more the policy prefers the better answers than the reference does.
    public var margins: Tensor { (chosen - rejected) - (referenceChosen - referenceRejected) }
}

/// A loss that is a function of the margin alone.
public protocol MarginPreferenceLoss: PreferenceLoss {
    /// The loss at a margin and its derivative.
    func loss(_ margin: Double) -> (value: Double, derivative: Double)
}

extension MarginPreferenceLoss {
    /// The function of each margin.
    public func callAsFunction(_ scores: PreferenceScores) -> Tensor {
        mapped(scores.margins, loss)
    }
}
