public import FledgeCore
internal import FledgeTrain

/// The batches that a run will see from its beginning to its end, for what is computed once before the
/// first step.
public struct ComingBatches<Batch: TokenizedBatch> {
    /// Some steps over batches.
    struct Part {
        let source: any BatchSource<Batch>
        let plan: TrainingPlan
        let steps: Range<Int>

        /// Number of samples of a step.
        func sampleCount(ofStep step: Int) -> Int {
            plan.batches(ofStep: step).indices.reduce(0) { $0 + source.sampleCount(ofBatch: $1) }
        }
    }

    /// Tells runs with other templates or data apart.
    public let digest: String
    /// Where what is computed can be kept for other runs.
    public let cache: TokenizedCache
    /// Receives a line for what is done.
    public let announce: (String) -> Void
    private let parts: [Part]
    private let stop: StopFlag

    init(
        _ parts: [Part], digest: String, cache: TokenizedCache = TokenizedCache(),
        stop: StopFlag = StopFlag(), announce: @escaping (String) -> Void = { _ in }
    ) {
        (self.parts, self.digest, self.cache) = (parts, digest, cache)
        (self.stop, self.announce) = (stop, announce)
    }

    /// Number of samples of all batches.
    public var sampleCount: Int {
        parts.reduce(0) { sum, part in
            part.steps.reduce(sum) { $0 + part.sampleCount(ofStep: $1) }
        }
    }

    /// Gives one batch after another, put together as training has them, with the number of samples of
    /// the steps that are done.
    ///
    /// - Throws: ``FledgeError`` with `interrupted` when the run was asked to stop; what reading the data
    ///   and `body` throw.
    public func forEach(_ body: (_ batch: Batch, _ samplesDone: Int) throws -> Void) throws {
        var done = 0
        for part in parts {
            for step in part.steps {
                let (epoch, indices) = part.plan.batches(ofStep: step)
                for batch in try part.source.batches(epoch: epoch, indices: Array(indices)) {
                    guard !stop.isSet else {
                        throw FledgeError(
                            .interrupted, "The run was interrupted before its first step.")
                    }
                    try body(batch, done)
                }
                done += part.sampleCount(ofStep: step)
            }
        }
    }
}
