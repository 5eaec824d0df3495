public import FledgeCore

/// What a stage does in one step of a run.
public struct StepPlan<Work> {
    /// The work of each update of the weights, in their order.
    public var updates: [[Work]]
    /// Means to report that no update measures.
    public var metrics: [String: Metric]
    /// What the step looked at, for people: lines of a log.
    public var samples: [JSONValue]
    /// What the user should know at once.
    public var warnings: [String]

    /// Creates a plan.
    public init(
        updates: [[Work]], metrics: [String: Metric] = [:], samples: [JSONValue] = [],
        warnings: [String] = []
    ) {
        (self.updates, self.metrics) = (updates, metrics)
        (self.samples, self.warnings) = (samples, warnings)
    }
}

/// The step that a stage plans.
public struct StepContext {
    /// Index of the step, counted from 1.
    public let index: Int
    private let isStopping: () -> Bool

    /// Creates a context.
    ///
    /// - Parameter isStopping: Whether the run is to stop.
    public init(index: Int, isStopping: @escaping () -> Bool = { false }) {
        (self.index, self.isStopping) = (index, isStopping)
    }

    /// Whether the run was asked to stop: what takes long asks from time to time.
    public var isCancelled: Bool { isStopping() }

    /// Ends the step when the run was asked to stop.
    ///
    /// - Throws: ``FledgeError`` with `interrupted`.
    public func checkCancellation() throws {
        if isStopping() { throw FledgeError(.interrupted, "The run was interrupted.") }
    }
}
