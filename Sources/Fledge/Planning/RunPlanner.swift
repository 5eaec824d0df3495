internal import FledgeCore
public import FledgeData
internal import FledgeModel
internal import FledgeTensor
internal import FledgeTokenize
internal import FledgeTrain

/// Looks at everything that a run will do, and does none of it.
public struct RunPlanner {
    private let configuration: RunConfiguration
    private let measures: Bool
    private let progress: RowProgress?
    private var plan = RunPlan()

    /// Creates a planner.
    ///
    /// - Parameters:
    ///   - measures: Whether a few micro-batches are computed, to tell the time that the run takes.
    ///   - progress: Hears of rows that are tokenised.
    public init(
        _ configuration: RunConfiguration, measures: Bool = true, progress: RowProgress? = nil
    ) {
        (self.configuration, self.measures, self.progress) = (configuration, measures, progress)
    }

    /// The run, with rows that do not fit left out and counted, and nothing written where the user
    /// would find it.
    private var lenient: RunConfiguration {
        var lenient = configuration
        lenient.data.dropsInvalidRows = true
        if let path = lenient.data.tokenizedPath, !TokenizedFolder.exists(path) {
            lenient.data.tokenizedPath = nil
        }
        return lenient
    }

    /// The plan of the run. What keeps it from starting is a fault of its own, `cannot-start`.
    public func run() -> RunPlan {
        var planner = self
        do {
            try planner.prepare()
        } catch let error as FledgeError {
            planner.refuse(error)
        } catch {
            planner.refuse(FledgeError(.data, "The run cannot start.", cause: error))
        }
        return planner.plan
    }

    private mutating func refuse(_ error: FledgeError) {
        var fault = RunFault(.cannotStart, error)
        if error.code == .templateDiffers { fault.code = DataFault.Code.unlikeOwnTemplate.rawValue }
        plan.faults.append(fault)
    }

    private mutating func prepare() throws {
        plan.notes += configuration.notes
        let text = try TextSide(configuration)
        plan.notes += text.notes
        plan.stopTokens = text.stopTokens.sorted().map {
            text.tokenizer.decode([$0], skippingSpecials: false)
        }
        plan.faults += RunChecks(configuration: configuration).faults(of: text)
        let checkpoint = lookIntoFolder(text)
        func show<Sample: StageSample>(_: Sample.Type) throws {
            let data = try StageData<Sample>(
                lenient, text, threads: Kernels.threads, progress: progress)
            note(data, text)
            if let data = data as? StageData<PackedRow> { try estimate(data, text, checkpoint) }
        }
        try show(configuration.finetuning.stage.sample)
    }

    /// Looks at what the output folder holds: what would keep training from starting there is a fault.
    ///
    /// - Returns: The checkpoint that the run would go on from.
    private mutating func lookIntoFolder(_ text: TextSide) -> TrainingCheckpoint? {
        let options = configuration.training
        var notes = [String]()
        do {
            try FolderLock.requireFree(options.outputFolder)
            guard options.trains else { return nil }
            let beginning = try OutputFolder.beginning(of: configuration)
            guard case .resumed(let folder) = beginning else { return nil }
            notes += OutputFolder.notes(beginning, in: options.outputFolder)
            let digests = try RunDigests(configuration, text)
            let checkpoint = try OutputFolder.open(
                beginning, for: configuration, digests: digests, announce: { notes.append($0) })
            notes.append("The run goes on from \(folder).")
            plan.notes += notes
            return checkpoint
        } catch let error as FledgeError {
            plan.notes += notes
            refuse(error)
        } catch {
            refuse(FledgeError(.fileAccess, "The output folder cannot be read.", cause: error))
        }
        return nil
    }

    /// Notes what the data are.
    private mutating func note<Sample>(_ data: StageData<Sample>, _ text: TextSide) {
        let report = data.report
        plan.notes += data.summary
        plan.faults += data.faults.map(RunFault.init)
        plan.lengths = LengthHistogram(data.train.map(\.length))
        plan.rows = data.train.prefix(1).flatMap(\.parts).map {
            PlannedRow($0.title, $0.sample, text.tokenizer)
        }
        plan.counts = [
            ("rows", report.rowCount), ("samples", data.stream?.count ?? data.train.count),
            ("evaluation_samples", data.evaluations.reduce(0) { $0 + $1.rows.count }),
            ("dropped", report.dropped.count), ("truncated", report.truncated.count),
            ("unsupervised", report.unsupervised.count), ("tokens", report.tokenCount),
            ("supervised_tokens", report.supervisedCount),
        ]
    }

    /// Notes steps, memory and time, which need the model.
    private mutating func estimate(
        _ data: StageData<PackedRow>, _ text: TextSide, _ checkpoint: TrainingCheckpoint?
    ) throws {
        let side = try ModelSide(training: configuration)
        plan.notes += side.checkpoint.notes
        // Dropout draws for every sample, which cannot share anything then; an adapter that is
        // trained on brings its own.
        let sharesPrefixes = (side.adapters?.configuration.dropout ?? 0) == 0
        let rule = configuration.trainingBatches(sharesPrefixes: sharesPrefixes)
        let batches = rule.epochs(data.train, seed: configuration.orderSeed)
        let course = configuration.trainingPlan(
            data.stream.map { rule.epochs($0).batchesPerEpoch } ?? batches.batchesPerEpoch)
        let checks = RunChecks(configuration: configuration)
        plan.faults += checks.faults(of: course)
        plan.notes += [
            checkpoint.flatMap { OutputFolder.completion($0, course, configuration) }
        ].compactMap(\.self)
        plan.notes.append(side.parameterSummary)
        let longest = data.evaluations.flatMap { $0.rows.map(\.length) }.max() ?? 0
        plan.faults += checks.faults(
            of: text, side.model.configuration, longestRow: plan.lengths.longest,
            longestEvaluation: longest)
        let excess = data.excess(
            over: side.model.configuration, cutoffLength: configuration.data.cutoffLength)
        if let excess {
            plan.faults.append(RunFault(.contextExceeded, excess))
        }
        let available = ProcessMemory.availableBytes()
        let memory = MemoryPlan(
            configuration, side.model, rows: data.train,
            evaluations: data.evaluations.map(\.rows), isStreamed: data.stream != nil,
            sharesPrefixes: sharesPrefixes, available: available)
        plan.faults += checks.faults(of: memory, available: available)
        // Of streamed data some are known, which stand for the others.
        let known = Double(data.train.reduce(0) { $0 + $1.length })
        let scale = Double(data.stream?.count ?? data.train.count) / Double(data.train.count)
        let tokens = data.train.isEmpty ? 0 : known * scale
        let all =
            course.totalSteps > 0 ? tokens * course.epochs(after: course.totalSteps) : 0
        plan.cost = RunPlan.Cost(
            steps: course.totalSteps, tokens: Int(exactly: all.rounded()) ?? .max,
            peakBytes: memory.prediction.peak, memory: memory.summary)
        guard measures, excess == nil, course.totalSteps > 0,
            configuration.refused(plan.faults).isEmpty
        else {
            return
        }
        let rate = try StepProbe(
            ObjectiveStage(
                side.model, TokenCrossEntropy(), seed: configuration.training.seed,
                recomputesBlocks: memory.recomputesBlocks)
        ).tokensPerSecond(batches, course)
        plan.cost?.tokensPerSecond = rate
        plan.cost?.seconds = rate.map { all / $0 }
    }
}

/// Computes a few micro-batches to see how long the others will take.
struct StepProbe {
    private let stage: ObjectiveStage<DecoderLM, TokenCrossEntropy>

    init(_ stage: ObjectiveStage<DecoderLM, TokenCrossEntropy>) { self.stage = stage }

    /// Tokens a second over two steps' worth of micro-batches, or as many as fit into some seconds.
    ///
    /// - Returns: Nil when there is nothing to compute.
    func tokensPerSecond(
        _ batches: Epochs<PackedRow, TokenBatch>, _ course: TrainingPlan, seconds limit: Double = 8
    ) throws -> Double? {
        let indices = Array(0..<min(batches.batchesPerEpoch, max(2 * course.accumulation, 4)))
        let merged = try batches.batches(epoch: 0, indices: indices)
        guard let first = merged.first else { return nil }
        // The first pass fills buffers and caches.
        var gradients = Gradients()
        _ = try stage.accumulate(first, into: &gradients)
        var (tokens, seconds) = (0, 0.0)
        for batch in merged.dropFirst() + [first] {
            let duration = try ContinuousClock().measure {
                _ = try stage.accumulate(batch, into: &gradients)
            }
            tokens += batch.tokenCount
            seconds += duration.inSeconds
            if seconds > limit { break }
        }
        return seconds > 0 ? Double(tokens) / seconds : nil
    }
}
