import FledgeCore
public import FledgeModel
import FledgeTensor

/// Another objective's loss as the reference adds it up where it forgets to divide by the accumulation
/// (quirks `smoothing_not_divided` and `asft_not_divided`): a step's loss is the sum of the means of its
/// micro-batches.
///
/// Micro-batches are not to be put together, since each has a mean of its own. A step with fewer
/// micro-batches than the others, the last of an epoch, counts as much as they do, where the reference
/// sums fewer means.
public struct UndividedMeans<Base: Objective>: Objective {
    private let base: Base
    private let accumulation: Int

    /// Creates the objective.
    ///
    /// - Parameter accumulation: Number of micro-batches of a step.
    public init(_ base: Base, accumulation: Int) {
        precondition(accumulation > 0, "UndividedMeans: \(accumulation) micro-batches")
        (self.base, self.accumulation) = (base, accumulation)
    }

    /// Those of the other objective.
    public var modules: [any Module] { base.modules }

    /// That of the other objective.
    public var state: StageState {
        get { base.state }
        nonmutating set { base.state = newValue }
    }

    /// The mean of the batch, of which a step has as many as it has micro-batches; in an evaluation the
    /// loss as it is.
    public func callAsFunction(
        _ model: some CausalLM, _ batch: Base.Batch, _ pass: ForwardPass
    ) throws -> Loss {
        var loss = try base(model, batch, pass)
        guard pass.isTraining, loss.weight > 0 else { return loss }
        loss.sum = loss.sum * (1 / loss.weight)
        loss.weight = 1 / Double(accumulation)
        return loss
    }

    /// Those of the other objective.
    public func derivedMetrics(_ metrics: [String: Metric]) -> [String: Metric] {
        base.derivedMetrics(metrics)
    }
}
