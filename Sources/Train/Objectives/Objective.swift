public import FledgeCore
public import FledgeModel
public import FledgeTensor

/// A loss as (sum, weight), never a mean: the mean is taken once per optimizer step, over all its
/// micro-batches and ranks.
public struct Loss {
    /// The weighted sum, a scalar.
    public var sum: Tensor
    /// What the sum is divided by, together with the weights of the step's other micro-batches.
    public var weight: Double
    /// Further means to report, by name.
    public var metrics: [String: Metric]

    /// Creates a loss.
    public init(sum: Tensor, weight: Double, metrics: [String: Metric] = [:]) {
        (self.sum, self.weight, self.metrics) = (sum, weight, metrics)
    }
}

/// A mean that is reported beside the loss, with a weight of its own: sums are added over
/// micro-batches, steps and ranks, and divided once.
public struct Metric: Hashable, Sendable {
    /// The weighted sum.
    public var sum: Double
    /// What it is divided by; 0 where the sum itself is to be seen.
    public var weight: Double

    /// Creates a metric.
    public init(sum: Double, weight: Double) { (self.sum, self.weight) = (sum, weight) }

    /// The mean of some values.
    public init(meanOf values: some Collection<Double>) {
        self.init(sum: values.reduce(0, +), weight: Double(values.count))
    }

    /// The mean, or the sum where nothing divides it.
    public var value: Double { weight > 0 ? sum / weight : sum }

    /// Adds the sums of another part.
    public static func += (left: inout Metric, right: Metric) {
        left.sum += right.sum
        left.weight += right.weight
    }
}

/// What a run minimises: a loss of a model on a batch.
public protocol Objective<Batch> {
    /// What it looks at: tokens, and what it has to know beside them.
    associatedtype Batch: TokenizedBatch

    /// Parts of its own, such as a value head; what is trainable in them is trained with the model.
    var modules: [any Module] { get }

    /// What has to be kept for a run that goes on, beside weights; objectives without any are functions
    /// of model and batch alone.
    var state: StageState { get nonmutating set }

    /// The loss of one batch.
    ///
    /// - Parameters:
    ///   - model: The model, with its adapters attached.
    ///   - batch: Tokens and what is supervised in them; something is.
    ///   - pass: Precision and random keys.
    func callAsFunction(
        _ model: some CausalLM, _ batch: Batch, _ pass: ForwardPass
    ) throws -> Loss

    /// Numbers to report that follow from metrics whose sums are complete, such as the distance of two
    /// means.
    func derivedMetrics(_ metrics: [String: Metric]) -> [String: Metric]
}

extension Objective {
    /// None.
    public func derivedMetrics(_ metrics: [String: Metric]) -> [String: Metric] { [:] }

    /// No parts.
    public var modules: [any Module] { [] }

    /// No state.
    public var state: StageState {
        get { StageState() }
        nonmutating set {}
    }
}
