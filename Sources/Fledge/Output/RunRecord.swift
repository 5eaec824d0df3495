internal import FledgeCore
internal import Foundation

/// What the weights of a folder were made of, and how far their run has come: `fledge_run.json` of an
/// output folder and of its checkpoints.
struct RunRecord: Sendable {
    static let fileName = "fledge_run.json"

    /// How far a run has come.
    enum State: String, Sendable {
        /// It is under way, or was killed.
        case running
        /// It was asked to stop.
        case interrupted
        /// It could not go on.
        case failed
        /// All of it is done.
        case finished
    }

    /// The run that weights come from, and the step after which they were saved.
    struct Weights: Hashable, Sendable {
        var run: String
        var step: Int
    }

    /// Tells runs apart; one that is resumed is the same.
    var run: String
    var state: State
    /// Optimizer steps done and planned.
    var step: Int
    var totalSteps: Int
    /// The keys that change what a run does.
    var options: JSONValue
    var digests: RunDigests
    /// The time that templates were told, in seconds since 1970: a run that goes on another day writes what
    /// it wrote before. Nil in records of earlier versions.
    var time: Double?
    /// What weights beside this file are of; nil where there are none.
    var weights: Weights?
    /// The step of the checkpoint without a record, of an earlier version, that the run went on from.
    var unrecordedStep: Int?

    /// The record of a run that begins.
    init(options: JSONValue, digests: RunDigests, totalSteps: Int, time: Double? = nil) {
        self.time = time
        (run, state, step) = (UUID().uuidString.lowercased(), .running, 0)
        (self.options, self.digests, self.totalSteps) = (options, digests, totalSteps)
    }

    /// Reads the record of a folder; nil where there is none that can be read, as in folders of
    /// earlier versions and of other programs.
    init?(folder: String) {
        guard let json = try? JSONValue(contentsOf: folder + "/" + Self.fileName),
            let run = json["run"]?.stringValue, let options = json["options"],
            let state = json["state"]?.stringValue.flatMap(State.init)
        else { return nil }
        (self.run, self.state, self.options) = (run, state, options)
        step = json["step"]?.intValue ?? 0
        totalSteps = json["total_steps"]?.intValue ?? 0
        let members = json["digests"]?.members ?? []
        digests = RunDigests(
            Dictionary(
                members.compactMap { member in
                    member.value.stringValue.map { (member.key, $0) }
                }, uniquingKeysWith: { first, _ in first }))
        // Whoever edits the file cannot name a year that no calendar has.
        time = json["template_time"]?.doubleValue.flatMap {
            (0..<253_402_300_800).contains($0) ? $0 : nil
        }
        if let weights = json["weights"], let run = weights["run"]?.stringValue,
            let step = weights["step"]?.intValue
        {
            self.weights = Weights(run: run, step: step)
        }
        unrecordedStep = json["unrecorded_step"]?.intValue
    }

    /// Whether a checkpoint is one of this run.
    func owns(_ checkpoint: String) -> Bool {
        if let other = RunRecord(folder: checkpoint) { return other.run == run }
        guard let unrecordedStep, let step = OutputFolder.step(of: checkpoint) else { return false }
        return step <= unrecordedStep
    }

    /// Writes the record into a folder.
    ///
    /// - Throws: ``FledgeError`` when it cannot be written.
    func write(to folder: String) throws {
        let digests = digests.values.sorted { $0.key < $1.key }
        var json: JSONValue = [
            "format_version": 1, "run": .string(run), "state": .string(state.rawValue),
            "step": .integer(step), "total_steps": .integer(totalSteps),
            "digests": .object(digests.map { .init($0.key, .string($0.value)) }),
            "options": options,
        ]
        if let time { json["template_time"] = .number(time) }
        if let weights {
            json["weights"] = ["run": .string(weights.run), "step": .integer(weights.step)]
        }
        if let unrecordedStep { json["unrecorded_step"] = .integer(unrecordedStep) }
        try AtomicFile.write(
            json.serialized(.compact) + "\n", to: folder + "/" + Self.fileName)
    }
}
