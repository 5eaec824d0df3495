internal import FledgeCore
internal import FledgeModel
internal import FledgeTrain
internal import Logging

extension OutputFolder {
    /// Opens the checkpoint that a run begins with and puts its weights into the run's model.
    ///
    /// Where the checkpoint was not asked for by name, one whose numbers are spoiled is marked, and the
    /// one before it taken.
    ///
    /// - Parameter announce: Hears of what the user should know.
    /// - Throws: ``FledgeError`` when the checkpoint is damaged, spoiled, or of another model.
    static func open(
        _ beginning: Beginning, for configuration: RunConfiguration,
        restoring artifact: any ModelArtifact, _ parameters: () -> [Parameter],
        announce: (String) -> Void
    ) throws -> TrainingCheckpoint? {
        guard case .resumed(let first) = beginning else {
            Logger.fledge.debug("the run begins anew")
            return nil
        }
        Logger.fledge.debug("the run goes on", metadata: ["checkpoint": "\(first)"])
        var folder = first
        while true {
            let checkpoint = try TrainingCheckpoint(folder: folder)
            try artifact.restore(from: folder)
            let weights = parameters().map { (name: $0.name, tensor: $0.kept) }
            guard
                let name = try FiniteCheck.firstSpoiled(weights) ?? checkpoint.firstSpoiledState()
            else { return checkpoint }
            let reason = "\(name) holds numbers that are not finite"
            if case .checkpoint = configuration.training.resume {
                throw spoiled(folder, reason, configuration)
            }
            SpoiledMark.put(on: folder, reason)
            guard let earlier = TrainingCheckpoint.newest(in: configuration.training.outputFolder)
            else { throw spoiled(folder, reason, configuration) }
            announce("\(folder) is spoiled, \(reason): an earlier one is taken.")
            folder = earlier
        }
    }

    /// The error of a checkpoint from which no run can go on.
    static func spoiled(
        _ folder: String, _ reason: String, _ configuration: RunConfiguration
    ) -> FledgeError {
        let good = TrainingCheckpoint.newest(in: configuration.training.outputFolder)
        return FledgeError(
            .notFinite, "The checkpoint \(folder) is spoiled: \(reason).",
            advice: good.map { "resume_from_checkpoint: \($0) goes on from an earlier one." }
                ?? "Start anew with overwrite_output_dir: true and a lower learning_rate.")
    }
}

extension RunConfiguration {
    /// Tells of what differs from the run that is resumed, and refuses what cannot go on.
    ///
    /// - Throws: ``FledgeError`` that names key, old and new value of everything that
    ///   `allow_changed` does not.
    func requireSameRun(
        as checkpoint: String, options: JSONValue?, digests: RunDigests, announce: (String) -> Void
    ) throws {
        let record = RunRecord(folder: checkpoint)
        var differences = [ResumeRules.Difference]()
        if let before = record?.options ?? options {
            differences += ResumeRules.differences(options: before, json)
        }
        if let record {
            differences += ResumeRules.differences(digests: record.digests, digests)
        }
        let allowed = training.allowedChanges
        let refused = differences.filter {
            $0.breaksRun && !allowed.contains($0.key) && !allowed.contains("all")
        }
        guard refused.isEmpty else {
            var keys = [String]()
            for key in refused.map(\.key) where !keys.contains(key) { keys.append(key) }
            throw FledgeError(
                .configuration,
                "This is not the run that \(checkpoint) is of: "
                    + refused.map(\.sentence).joined(separator: "; ") + ".",
                advice:
                    "Set it back, choose another output_dir, set overwrite_output_dir: true to start anew, or go on all the same with allow_changed: [\(keys.joined(separator: ", "))]."
            )
        }
        for difference in differences {
            announce(
                difference.sentence
                    + (difference.breaksRun
                        ? ", as allow_changed allows: the run does not go on as it began."
                        : ": the run goes on with it from here."))
        }
    }
}
