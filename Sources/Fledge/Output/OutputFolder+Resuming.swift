internal import FledgeCore
internal import FledgeModel
internal import FledgeTrain
internal import Logging

extension OutputFolder {
    /// Opens the checkpoint that a run begins with, and tells of what differs from its run.
    ///
    /// Where the checkpoint was not asked for by name, the newest one before it that is whole stands for
    /// one that is damaged.
    ///
    /// - Throws: ``FledgeError`` when none is whole, or the checkpoint is of another run.
    static func open(
        _ beginning: Beginning, for configuration: RunConfiguration, digests: RunDigests,
        announce: (String) -> Void
    ) throws -> TrainingCheckpoint? {
        guard case .resumed(let folder) = beginning else {
            Logger.fledge.debug("the run begins anew")
            return nil
        }
        Logger.fledge.debug("the run goes on", metadata: ["checkpoint": "\(folder)"])
        let checkpoint = try checkpoint(folder, configuration, announce)
        try configuration.requireSameRun(
            as: checkpoint.folder, options: checkpoint.options, digests: digests,
            announce: announce)
        return checkpoint
    }

    /// Verifies a checkpoint.
    ///
    /// - Throws: ``FledgeError`` when it is damaged and was asked for by name, which names the newest one
    ///   that is not, or when there is none that stands for it.
    private static func checkpoint(
        _ folder: String, _ configuration: RunConfiguration, _ announce: (String) -> Void
    ) throws -> TrainingCheckpoint {
        do { return try TrainingCheckpoint(folder: folder) } catch var error as FledgeError {
            var isNamed = false
            if case .checkpoint = configuration.training.resume { isNamed = true }
            let all = checkpoints(in: configuration.training.outputFolder)
            var others = isNamed ? all.filter { $0 != folder }[...] : all.prefix { $0 != folder }
            guard let whole = newestWhole(&others) else {
                error.advice =
                    "No other one is whole: start anew with overwrite_output_dir: true."
                throw error
            }
            guard !isNamed else {
                error.advice =
                    "resume_from_checkpoint: \(whole.folder) goes on from the newest that is whole."
                throw error
            }
            error.advice = "The newest before it that is whole is taken, \(whole.folder)."
            announce("Warning: \(folder) is damaged. \(error)")
            return whole
        }
    }

    /// Takes checkpoints from the end up to one that is whole; nil where none is.
    private static func newestWhole(_ paths: inout ArraySlice<String>) -> TrainingCheckpoint? {
        while let path = paths.popLast() {
            if let checkpoint = try? TrainingCheckpoint(folder: path) { return checkpoint }
        }
        return nil
    }

    /// Puts the weights of the checkpoint that a run begins with into the run's model.
    ///
    /// Where the checkpoint was not asked for by name, one whose numbers are spoiled is marked, and the
    /// one before it taken.
    ///
    /// - Parameters:
    ///   - first: The checkpoint, which has been verified.
    ///   - announce: Hears of what the user should know.
    /// - Throws: ``FledgeError`` when the checkpoint is damaged, spoiled, or of another model.
    static func restore(
        _ first: TrainingCheckpoint, for configuration: RunConfiguration,
        into artifact: any ModelArtifact, _ parameters: () -> [Parameter],
        announce: (String) -> Void
    ) throws -> TrainingCheckpoint {
        let folder = configuration.training.outputFolder
        // Downwards, whether a mark can be written or not.
        var earlier = checkpoints(in: folder).prefix { $0 != first.folder }
        var checkpoint = first
        while true {
            try artifact.restore(from: checkpoint.folder)
            let weights = parameters().map { (name: $0.name, tensor: $0.kept) }
            guard
                let name = try FiniteCheck.firstSpoiled(weights) ?? checkpoint.firstSpoiledState()
            else { break }
            let reason = "\(name) holds numbers that are not finite"
            if case .checkpoint = configuration.training.resume {
                throw spoiled(checkpoint.folder, reason, configuration)
            }
            SpoiledMark.put(on: checkpoint.folder, reason)
            guard let next = newestWhole(&earlier) else {
                throw spoiled(checkpoint.folder, reason, configuration)
            }
            announce("\(checkpoint.folder) is spoiled, \(reason): an earlier one is taken.")
            checkpoint = next
        }
        checkpoint.hasSoundStates = true
        return checkpoint
    }

    /// The error of a checkpoint from which no run can go on.
    static func spoiled(
        _ folder: String, _ reason: String, _ configuration: RunConfiguration
    ) -> FledgeError {
        // The mark may not have been written.
        let good = checkpoints(in: configuration.training.outputFolder).last { $0 != folder }
        return FledgeError(
            .notFinite, "The checkpoint \(folder) is spoiled: \(reason).",
            advice: good.map { "resume_from_checkpoint: \($0) goes on from an earlier one." }
                ?? "Start anew with overwrite_output_dir: true and a lower learning_rate.")
    }
}

extension RunConfiguration {
    /// Whether the trained adapter is one that was given, whose rank and layers count.
    private var continuesAdapter: Bool {
        finetuning.method == .lora && !finetuning.createsNewAdapter && !adapterFolders.isEmpty
    }

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
            differences += ResumeRules.differences(options: before, self)
            // Without digests nothing but its path tells a model.
            if record == nil { differences += ResumeRules.differences(paths: before, json) }
        }
        if let record {
            differences += ResumeRules.differences(digests: record.digests, digests)
        }
        let allowed = training.allowedChanges
        let fixed = continuesAdapter ? [] : ResumeRules.shapes
        let refused = differences.filter {
            $0.breaksRun
                && (fixed.contains($0.key) || !allowed.contains($0.key) && !allowed.contains("all"))
        }
        guard refused.isEmpty else {
            // What is allowed already has to stay so.
            var keys = allowed.sorted()
            for key in refused.map(\.key) where !keys.contains(key) && !fixed.contains(key) {
                keys.append(key)
            }
            // No permission changes the shape of what the checkpoint holds.
            let canGoOn = refused.allSatisfy { !fixed.contains($0.key) }
            throw FledgeError(
                .configuration,
                "This is not the run that \(checkpoint) is of: "
                    + refused.map(\.sentence).joined(separator: "; ") + ".",
                advice:
                    "Set it back, choose another output_dir, "
                    + (canGoOn
                        ? "set overwrite_output_dir: true to start anew, or go on all the same with allow_changed: [\(keys.joined(separator: ", "))]."
                        : "or set overwrite_output_dir: true to start anew: the weights of the checkpoint are of another form, so that no allow_changed helps.")
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
