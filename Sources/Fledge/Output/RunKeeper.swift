internal import FledgeCore
internal import FledgeTrain

/// Keeps the record of a run in its output folder up to date.
final class RunKeeper: Callback {
    private let folder: String
    private(set) var record: RunRecord

    /// Notes that a run is under way.
    ///
    /// - Parameters:
    ///   - time: The time that templates are told.
    ///   - checkpoint: What the run goes on from.
    /// - Throws: ``FledgeError`` when the record cannot be written.
    init(
        _ folder: String, options: JSONValue, digests: RunDigests,
        totalSteps: Int, time: Double? = nil, resuming checkpoint: TrainingCheckpoint?
    ) throws {
        self.folder = folder
        record = RunRecord(
            options: options, digests: digests, totalSteps: totalSteps, time: time)
        if let checkpoint {
            record.step = checkpoint.step
            if let before = RunRecord(folder: checkpoint.folder) {
                (record.run, record.unrecordedStep) = (before.run, before.unrecordedStep)
            } else {
                record.unrecordedStep = checkpoint.step
            }
        }
        // Weights of an earlier run stay what they are until this one puts its own there.
        if OutputFolder.holdsWeights(folder), !OutputFolder.isLeftUnfinished(folder) {
            let before = RunRecord(folder: folder)?.weights
            let step = OutputFolder.step(of: folder)
            record.weights = before ?? .init(run: "earlier", step: step ?? 0)
        }
        try record.write(to: folder)
    }

    /// Writes the record of a checkpoint that is being made.
    func write(toCheckpoint path: String, step: Int) throws {
        var copy = record
        copy.step = step
        copy.weights = .init(run: record.run, step: step)
        try copy.write(to: path)
    }

    /// Notes that the weights of the run's end are in the folder, whatever becomes of what follows.
    func noteWeights(step: Int) throws {
        record.step = step
        record.weights = .init(run: record.run, step: step)
        try record.write(to: folder)
    }

    /// Notes that all is done and written.
    func finish(step: Int) throws {
        record.state = .finished
        try noteWeights(step: step)
    }

    /// Notes how a run ended that has written its weights, and not all that comes after them.
    func end(after error: FledgeError, step: Int) {
        note(error.code == .interrupted ? .interrupted : .failed, step)
    }

    func trainingWasInterrupted(_ run: TrainingRun) throws {
        note(.interrupted, run.step)
    }

    func trainingDidFail(_ error: FledgeError, _ run: TrainingRun) { note(.failed, run.step) }

    /// What cannot be noted is found out by the next run.
    private func note(_ state: RunRecord.State, _ step: Int) {
        (record.state, record.step) = (state, step)
        try? record.write(to: folder)
    }
}
