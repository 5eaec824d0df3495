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
        func show<Method: TrainingMethod>(_ method: Method) throws {
            let data = try StageData(
                lenient, text, method.recipe(lenient, text), threads: Kernels.threads,
                progress: progress)
            note(data, text)
            guard method.isTrainable else { return }
            try method.check(configuration)
            try estimate(method, data, text, checkpoint)
        }
        try show(configuration.method)
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
            guard case .resumed = beginning else { return nil }
            notes += OutputFolder.notes(beginning, in: options.outputFolder)
            let digests = try RunDigests(configuration, text)
            let checkpoint = try OutputFolder.open(
                beginning, for: configuration, digests: digests, announce: { notes.append($0) })
            notes += [checkpoint.map { "The run goes on from \($0.folder)." }].compactMap(\.self)
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
        plan.lengths = LengthHistogram(data.known.map(\.length))
        plan.rows = data.known.prefix(1).flatMap(\.parts).map {
            PlannedRow($0.title, $0.sample, text.tokenizer)
        }
        plan.counts = [
            ("rows", report.rowCount), ("samples", data.train.count),
            ("evaluation_samples", data.evaluations.reduce(0) { $0 + $1.rows.count }),
            ("dropped", report.dropped.count), ("truncated", report.truncated.count),
            ("unsupervised", report.unsupervised.count), ("tokens", report.tokenCount),
            ("supervised_tokens", report.supervisedCount),
        ]
    }

    /// Notes steps, memory and time, which need the model.
    private mutating func estimate<Method: TrainingMethod>(
        _ method: Method, _ data: StageData<Method.Sample>, _ text: TextSide,
        _ checkpoint: TrainingCheckpoint?
    ) throws {
        let run = try PreparedRun(configuration, method, text, data, sharesPrefixes: true)
        plan.notes += run.side.checkpoint.notes
        plan.faults += run.courseFaults
        plan.notes += [
            checkpoint.flatMap { OutputFolder.completion($0, run.plan, configuration) }
        ].compactMap(\.self)
        plan.notes += [run.side.parameterSummary] + run.parts.notes
        plan.faults += run.modelFaults
        let excess = run.excess
        if let excess { plan.faults.append(RunFault(.contextExceeded, excess)) }
        plan.faults += RunChecks(configuration: configuration).faults(
            of: run.memory, available: run.available)
        // Of streamed data some are known, which stand for the others.
        let known = Double(
            data.known.reduce(0) {
                $0 + method.size(of: $1, sharesPrefixes: false, configuration).tokens
            })
        let scale = Double(data.train.count) / Double(data.known.count)
        let tokens = data.known.isEmpty ? 0 : known * scale
        let steps = run.plan.totalSteps
        let all = steps > 0 ? tokens * run.plan.epochs(after: steps) : 0
        plan.cost = RunPlan.Cost(
            steps: steps, tokens: Int(exactly: all.rounded()) ?? .max,
            peakBytes: run.memory.prediction.peak, memory: run.memory.summary)
        let asksService =
            method.reads.contains(.rewards) && configuration.rewards.kind == .api
            && configuration.rewards.model != nil
        if asksService {
            plan.notes.append("No time is told: the service that judges answers is not asked.")
        }
        let drawn = method.rollouts(configuration).map {
            Double($0.judgedAnswers) * Double($0.newTokens)
        }
        let isLong = drawn ?? 0 > Self.mostDrawnTokens
        if isLong {
            plan.notes.append(
                "No time is told: a step may draw \(Int(drawn ?? 0)) tokens, more than a trial should."
            )
        }
        guard measures, !asksService, !isLong, excess == nil, steps > 0,
            configuration.refused(plan.faults).isEmpty
        else {
            return
        }
        let seconds = try seconds(run, tokens: all, anEpoch: tokens)
        plan.cost?.tokensPerSecond = seconds.map { all / $0 }
        plan.cost?.seconds = seconds
    }

    /// The most tokens that answers of a step may have, to be drawn for nothing.
    private static var mostDrawnTokens: Double { 20_000 }

    /// How long so many tokens take, measured; nil where there is nothing to compute.
    private func seconds<Method: TrainingMethod>(
        _ run: PreparedRun<Method>, tokens all: Double, anEpoch: Double
    ) throws -> Double? {
        let probe = StepProbe(run.parts.stage(run.memory.recomputesBlocks))
        let together =
            run.method.rollouts(configuration) == nil
            ? 1 : run.method.batchesPerStep(configuration)
        func rate() throws -> Double? {
            try probe.tokensPerSecond(run.known, run.plan, together: together)
        }
        guard let plan = run.trunk else { return try rate().map { all / $0 } }
        plan.isActive = false
        let computing = try rate()
        plan.isActive = true
        // Once more, so that what is read was kept.
        guard let computing, try rate() != nil, let reading = try rate() else { return nil }
        return plan.seconds(of: all, first: anEpoch, computing: computing, reading: reading)
    }
}

/// Computes a few micro-batches to see how long the others will take.
struct StepProbe<Batch: TokenizedBatch> {
    private let stage: any Stage<Batch>

    init(_ stage: any Stage<Batch>) { self.stage = stage }

    /// Tokens a second over two steps' worth of micro-batches, or as many as fit into some seconds.
    ///
    /// - Parameter together: Micro-batches that a step makes its work of: one, unless answers are drawn
    ///   for all of them at the same time.
    /// - Returns: Nil when there is nothing to compute.
    func tokensPerSecond(
        _ batches: some BatchSource<Batch>, _ course: TrainingPlan, together: Int = 1,
        seconds limit: Double = 8
    ) throws -> Double? {
        let indices = Array(0..<min(batches.batchesPerEpoch, max(2 * course.accumulation, 4)))
        let merged = try batches.batches(epoch: 0, indices: indices)
        guard let first = merged.first else { return nil }
        var gradients = Gradients()
        var (tokens, seconds) = (0, 0.0)
        if together == 1 {
            // The first pass fills buffers and caches.
            try compute(stage, [first], &gradients)
        }
        let order = together == 1 ? merged.dropFirst() + [first] : merged[...]
        for start in stride(from: order.startIndex, to: order.endIndex, by: together) {
            let part = Array(order[start..<min(start + together, order.endIndex)])
            let duration = try ContinuousClock().measure {
                try compute(stage, part, &gradients)
            }
            tokens += part.reduce(0) { $0 + $1.tokens.tokenCount }
            seconds += duration.inSeconds
            if seconds > limit { break }
        }
        return seconds > 0 ? Double(tokens) / seconds : nil
    }

    private func compute(
        _ stage: some Stage<Batch>, _ batches: [Batch], _ gradients: inout Gradients
    ) throws {
        let plan = try stage.plan(batches, StepContext(index: 1))
        for work in plan.updates.joined() { _ = try stage.accumulate(work, into: &gradients) }
    }
}
