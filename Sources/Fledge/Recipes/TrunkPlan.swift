internal import FledgeCore
internal import FledgeModel
internal import FledgeTrain

/// What a run keeps of its frozen blocks: how much, where, and whether it pays.
struct TrunkPlan {
    private let trunk: FrozenTrunk
    private let folder: String
    /// Bytes of all that is kept, about; nil for rows that are not all known.
    private let bytes: Int?
    private let tokens: Int
    /// How often the rows are trained on.
    private let epochs: Double
    private let evaluatesOften: Bool

    /// Plans for a trunk; nil where there is none.
    ///
    /// - Parameters:
    ///   - tokens: Tokens of an epoch; nil where they are not known.
    ///   - evaluated: Tokens of the evaluation sets, where their loss is measured.
    init?(
        _ configuration: RunConfiguration, _ trunk: FrozenTrunk?, _ plan: TrainingPlan,
        tokens: Int?, evaluated: Int
    ) {
        guard let trunk else { return nil }
        self.trunk = trunk
        let options = configuration.training
        folder = options.outputFolder
        epochs = plan.epochs(after: plan.totalSteps)
        // With one at the end alone nothing is evaluated twice.
        evaluatesOften = options.evaluationStrategy != .never && evaluated > 0
        let known = tokens.map { $0 + (options.evaluates ? evaluated : 0) }
        self.tokens = known ?? 0
        bytes = known.map {
            let (bytes, isTooLarge) = $0.multipliedReportingOverflow(by: trunk.bytesPerToken)
            return isTooLarge ? .max : bytes
        }
    }

    /// Bytes that are kept by now.
    var keptBytes: Int { trunk.keptBytes }

    /// Whether what is kept is used, which a measurement of the first epoch does not.
    var isActive: Bool {
        get { trunk.isActive }
        nonmutating set { trunk.isActive = newValue }
    }

    /// What is kept, and whether it is read again.
    var notes: [String] {
        let all =
            bytes.map { "about \(MemoryPlan.mebibytes($0)) for \(tokens) tokens" }
            ?? "for every token of the rows that come"
        var notes = [
            "Activations that enter block \(trunk.block) of \(trunk.model.blocks.count), the first that is trained, are computed once and kept: \(trunk.bytesPerToken) bytes a token, \(all), in a nameless file on the disk of \(folder) until the run ends."
        ]
        if epochs <= 1, !trunk.isShared {
            notes.append(
                "cache_frozen_activations does not pay here: in one epoch no row is trained on twice"
                    + (evaluatesOften ? ", and evaluations alone read what is kept." : "."))
        }
        return notes
    }

    /// The fault of a disk that has no room for it.
    var fault: RunFault? {
        guard let bytes, let free = ScratchFile.freeBytes(at: folder), bytes > free else {
            return nil
        }
        return RunFault(
            .diskExceeded,
            "The activations of frozen blocks take about \(MemoryPlan.mebibytes(bytes)), \(MemoryPlan.mebibytes(free)) are free on the disk of \(folder).",
            advice: "Leave cache_frozen_activations out, or choose an output_dir on another disk.")
    }

    /// Tokens of all steps that are trained at the rate of the first epoch, and at that of later ones.
    func seconds(of all: Double, first: Double, computing: Double, reading: Double) -> Double {
        let fresh = min(all, first)
        return fresh / computing + (all - fresh) / reading
    }

    /// What a run that asks for a trunk and has none should say; without effect elsewhere it is named
    /// with the other keys.
    static func idleNotes(_ configuration: RunConfiguration) -> [String] {
        let options = configuration.finetuning
        guard options.cachesFrozenActivations, options.method != .full,
            !configuration.training.trains
        else { return [] }
        return ["cache_frozen_activations is without effect here: nothing is trained."]
    }
}
