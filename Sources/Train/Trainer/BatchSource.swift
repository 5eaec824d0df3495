/// Random access to the micro-batches of every epoch.
///
/// A batch is a pure function of (epoch, index), so resuming and prefetching are arithmetic.
public protocol BatchSource<Batch>: Sendable {
    /// What one micro-batch is.
    associatedtype Batch: Sendable

    /// Number of micro-batches of an epoch.
    var batchesPerEpoch: Int { get }

    /// Number of samples of an epoch.
    var sampleCount: Int { get }

    /// Number of samples of a micro-batch.
    func sampleCount(ofBatch index: Int) -> Int

    /// The micro-batch `index` of an epoch, both counted from 0.
    func batch(epoch: Int, index: Int) throws -> Batch

    /// The micro-batches of one optimizer step; a source may put some of them together, since the
    /// shape of batches changes no number.
    func batches(epoch: Int, indices: [Int]) throws -> [Batch]
}

extension BatchSource {
    /// All batches have the same number of samples, the last one what is left.
    public func sampleCount(ofBatch index: Int) -> Int {
        guard batchesPerEpoch > 0 else { return 0 }
        let size = (sampleCount + batchesPerEpoch - 1) / batchesPerEpoch
        return min(size, sampleCount - index * size)
    }

    /// Each micro-batch by itself.
    public func batches(epoch: Int, indices: [Int]) throws -> [Batch] {
        try indices.map { try batch(epoch: epoch, index: $0) }
    }
}

/// Which micro-batches belong to which optimizer step (reference: 05 §1).
public struct TrainingPlan: Hashable, Sendable {
    /// Micro-batches of an epoch, over all ranks.
    public let batchesPerEpoch: Int
    /// Micro-batches of an optimizer step; the last step of an epoch may have fewer.
    public let accumulation: Int
    /// Optimizer steps of the whole run.
    public let totalSteps: Int

    /// A plan for a number of optimizer steps.
    public init(batchesPerEpoch: Int, accumulation: Int, steps: Int) {
        precondition(accumulation > 0 && batchesPerEpoch >= 0 && steps >= 0)
        self.batchesPerEpoch = batchesPerEpoch
        self.accumulation = accumulation
        totalSteps = batchesPerEpoch == 0 ? 0 : steps
    }

    /// A plan for a number of epochs, which may be a fraction.
    public init(batchesPerEpoch: Int, accumulation: Int, epochs: Double) {
        let perEpoch = Self.stepsPerEpoch(batchesPerEpoch, accumulation)
        self.init(
            batchesPerEpoch: batchesPerEpoch, accumulation: accumulation,
            // More steps than can be counted are as many as can.
            steps: Int(min((epochs * Double(perEpoch)).rounded(.up), 1e15)))
    }

    /// Optimizer steps of an epoch.
    public var stepsPerEpoch: Int { Self.stepsPerEpoch(batchesPerEpoch, accumulation) }

    /// Number of epochs that the run begins.
    public var epochCount: Int {
        totalSteps / stepsPerEpoch + (totalSteps % stepsPerEpoch == 0 ? 0 : 1)
    }

    /// The epoch of a step and its micro-batches in that epoch; steps are counted from 0.
    public func batches(ofStep step: Int) -> (epoch: Int, indices: Range<Int>) {
        let first = (step % stepsPerEpoch) * accumulation
        return (step / stepsPerEpoch, first..<min(first + accumulation, batchesPerEpoch))
    }

    /// How many epochs lie behind after `steps` optimizer steps.
    public func epochs(after steps: Int) -> Double {
        guard steps > 0, batchesPerEpoch > 0 else { return 0 }
        let (epoch, indices) = batches(ofStep: steps - 1)
        return Double(epoch) + Double(indices.upperBound) / Double(batchesPerEpoch)
    }

    private static func stepsPerEpoch(_ batches: Int, _ accumulation: Int) -> Int {
        max(1, batches / accumulation + (batches % accumulation == 0 ? 0 : 1))
    }
}

/// When something happens during a run.
public enum Interval: Hashable, Sendable {
    /// Not at all.
    case never
    /// At the end of every epoch.
    case everyEpoch
    /// After every so many optimizer steps.
    case every(Int)

    /// Whether it happens after `step` steps, counted from 1.
    func isDue(after step: Int, _ plan: TrainingPlan) -> Bool {
        switch self {
        case .never: false
        case .everyEpoch: step % plan.stepsPerEpoch == 0 || step == plan.totalSteps
        case .every(let steps): step % max(1, steps) == 0
        }
    }
}
