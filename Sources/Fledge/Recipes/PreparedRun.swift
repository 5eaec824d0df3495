internal import FledgeCore
internal import FledgeData
internal import FledgeModel
internal import FledgeTrain

/// Everything of a run that is ready before its first step: what `fledge plan` shows is what
/// `fledge train` trains.
struct PreparedRun<Method: TrainingMethod> {
    let configuration: RunConfiguration
    let method: Method
    let text: TextSide
    let data: StageData<Method.Sample>
    let side: ModelSide
    let parts: TrainingParts<Method.Batch>
    /// The micro-batches to train on.
    let batches: Epochs<Method.Sample, Method.Batch>
    /// The micro-batches of the samples that are in memory; of streamed data those that come first.
    let known: Epochs<Method.Sample, Method.Batch>
    /// The sets to evaluate under the prefixes of their values: `eval`, or `eval_<data set>` for each
    /// by itself.
    let evaluations: [(prefix: String, source: any BatchSource<Method.Batch>)]
    /// What is predicted for evaluation sets; nil where the method predicts nothing.
    let predictor: Predictor<Method.Batch>?
    let plan: TrainingPlan
    let memory: MemoryPlan
    /// What is kept of frozen blocks; nil where nothing is.
    let trunk: TrunkPlan?
    /// The bytes that the process may still take; nil where that is unknown.
    let available: Int?

    /// Loads the model and lays out the course.
    ///
    /// - Parameter sharesPrefixes: Whether what samples begin with is computed once, where no draw is
    ///   made for each of them.
    init(
        _ configuration: RunConfiguration, _ method: Method, _ text: TextSide,
        _ data: StageData<Method.Sample>, sharesPrefixes: Bool
    ) throws {
        (self.configuration, self.method, self.text, self.data) = (
            configuration, method, text, data
        )
        side = try ModelSide(training: configuration)
        var parts = try method.parts(side, text, configuration)
        let sharesPrefixes = sharesPrefixes && side.sharesPrefixes(configuration)
        let shares = sharesPrefixes && !parts.draws
        let rule = method.trainingBatches(
            configuration, sharesPrefixes: shares, auxiliaryWeight: side.auxiliaryWeight)
        batches = rule.epochs(data.train)
        known = data.isStreamed ? rule.epochs(data.known) : batches
        predictor = method.predictor(parts, side, text, configuration)
        // Questions that are answered share what they begin with in the generator.
        let sharesEvaluated = sharesPrefixes && predictor?.isEvaluation != true
        let evaluation = method.evaluationBatches(configuration, sharesPrefixes: sharesEvaluated)
        evaluations = data.evaluations.map { set in
            (
                "eval" + set.name.dropFirst("validation".utf8.count),
                evaluation.epochs(set.rows)
            )
        }
        plan = configuration.trainingPlan(batches.batchesPerEpoch)
        available = ProcessMemory.availableBytes()
        let rollouts = method.rollouts(configuration)
        let context = side.model.configuration.contextLength
        let largest =
            rollouts.map { Self.largest($0, configuration, data, context: context) }
            ?? Self.largest(
                configuration, method, data, known, plan, rule.mergingLimit, sharesPrefixes: shares)
        let generated =
            rollouts.map {
                (
                    answers: $0.concurrentAnswers,
                    length: min(
                        Self.longest(data, configuration.data.cutoffLength) + $0.newTokens, context)
                )
            }
            ?? Self.largestGeneration(configuration, method, data, predictor, context: context)
        memory = MemoryPlan(
            configuration, side.model,
            // What a preparation is done with is held no longer.
            beside: parts.preparation == nil ? parts.companions : [], largest: largest,
            evaluated: generated == nil
                ? Self.largestEvaluation(
                    configuration, method, data, evaluation, sharesPrefixes: sharesEvaluated) : nil,
            generated: generated,
            scored: rollouts.flatMap { rollouts in
                parts.scoring.map {
                    ($0.model, Self.largestScoring($0, rollouts, configuration, data))
                }
            },
            sizesVary: data.isStreamed || Set(data.known.map(\.length)).count > 1,
            available: available)
        (parts.companions, parts.scoring) = ([], nil)
        func tokens(_ samples: some Sequence<Method.Sample>, sharesPrefixes: Bool) -> Int {
            samples.reduce(0) {
                $0 + method.size(of: $1, sharesPrefixes: sharesPrefixes, configuration).tokens
            }
        }
        trunk = TrunkPlan(
            configuration, side.trunk, plan,
            tokens: data.isStreamed
                ? nil : tokens(data.known, sharesPrefixes: shares),
            evaluated: predictor?.isEvaluation == true
                ? 0
                : data.evaluations.reduce(0) {
                    $0 + tokens($1.rows, sharesPrefixes: sharesEvaluated)
                })
        parts.notes += side.auxiliaryNotes
        parts.notes += trunk?.notes ?? TrunkPlan.idleNotes(configuration)
        self.parts = parts
    }

    /// The largest micro-batches of training: those that come, or those that may come of streamed data.
    private static func largest(
        _ configuration: RunConfiguration, _ method: Method, _ data: StageData<Method.Sample>,
        _ known: Epochs<Method.Sample, Method.Batch>, _ plan: TrainingPlan, _ limit: Int?,
        sharesPrefixes: Bool
    ) -> LargestBatches {
        func size(_ row: Method.Sample, sharesPrefixes: Bool) -> LargestBatches.Size {
            let size = method.size(of: row, sharesPrefixes: sharesPrefixes, configuration)
            return .init(tokens: size.tokens, supervised: size.supervised)
        }
        if !data.isStreamed,
            let found = LargestBatches(
                known, plan, sizes: data.known.map { size($0, sharesPrefixes: sharesPrefixes) },
                sharesPrefixes: sharesPrefixes)
        {
            return found
        }
        let full = configuration.data.cutoffLength
        let sizes = data.known.map { row in
            var size = size(row, sharesPrefixes: sharesPrefixes)
            // Streamed rows may be as long as is allowed.
            guard data.isStreamed, row.length > 0 else { return size }
            size.tokens = full * size.tokens / row.length
            size.supervised = full * size.supervised / row.length
            return size
        }
        let batch = configuration.training.trainBatchSize
        return LargestBatches(
            anyOf: sizes, batch: batch,
            step: batch * configuration.training.gradientAccumulationSteps, limit: limit ?? 0)
    }

    /// The largest passes over answers: full ones, or one question with its longest answer.
    private static func largest(
        _ rollouts: RolloutSize, _ configuration: RunConfiguration,
        _ data: StageData<Method.Sample>,
        context: Int
    ) -> LargestBatches {
        let length = min(
            longest(data, configuration.data.cutoffLength) + rollouts.newTokens, context)
        let answer = LargestBatches.Size(
            tokens: length, supervised: min(rollouts.newTokens, length))
        let batch = configuration.training.trainBatchSize
        let step =
            batch * rollouts.answersPerQuestion
            * configuration.training.gradientAccumulationSteps
        return LargestBatches(
            anyOf: Array(repeating: answer, count: min(step, batch + rollouts.tokensPerPass)),
            batch: batch, step: step, limit: rollouts.tokensPerPass)
    }

    /// The most tokens that a judge computes at once.
    private static func largestScoring(
        _ scoring: AnswerScoring, _ rollouts: RolloutSize, _ configuration: RunConfiguration,
        _ data: StageData<Method.Sample>
    ) -> Int {
        let rows = Array(data.known) + data.evaluations.flatMap { Array($0.rows) }
        // How other tokens count is seen by some of the longest.
        let longest = rows.sorted { $0.length > $1.length }.prefix(16)
        return scoring.largestPass(
            Array(longest), length: Self.longest(data, configuration.data.cutoffLength),
            newTokens: rollouts.newTokens, answers: rollouts.judgedAnswers)
    }

    /// The most tokens of a question; of streamed data as many as are allowed.
    private static func longest(_ data: StageData<Method.Sample>, _ cutoffLength: Int) -> Int {
        let known = data.known.map(\.length) + data.evaluations.flatMap { $0.rows.map(\.length) }
        return max(known.max() ?? 1, data.isStreamed ? cutoffLength : 0)
    }

    /// The largest batch of evaluation; nil where nothing is evaluated.
    private static func largestEvaluation(
        _ configuration: RunConfiguration, _ method: Method, _ data: StageData<Method.Sample>,
        _ rule: BatchRule<Method.Sample, Method.Batch>, sharesPrefixes: Bool
    ) -> LargestBatches.Size? {
        let sizes = data.evaluations.map { set in
            let batches = rule.epochs(set.rows)
            let plan = TrainingPlan(
                batchesPerEpoch: batches.batchesPerEpoch, accumulation: 1, epochs: 1)
            let known = LargestBatches(
                batches, plan,
                sizes: set.rows.map {
                    let size = method.size(
                        of: $0, sharesPrefixes: sharesPrefixes, configuration)
                    return .init(tokens: size.tokens, supervised: size.supervised)
                }, sharesPrefixes: sharesPrefixes)
            return known?.first ?? LargestBatches.Size()
        }
        guard let first = sizes.first else { return nil }
        return sizes.dropFirst().reduce(first) {
            .init(
                tokens: max($0.tokens, $1.tokens), supervised: max($0.supervised, $1.supervised))
        }
    }

    /// How many answers are generated at once, and the most tokens of one with its question; nil where
    /// none are.
    private static func largestGeneration(
        _ configuration: RunConfiguration, _ method: Method, _ data: StageData<Method.Sample>,
        _ predictor: Predictor<Method.Batch>?, context: Int
    ) -> (answers: Int, length: Int)? {
        guard let limit = predictor?.generatedTokens else { return nil }
        let sizes = data.evaluations.flatMap(\.rows).map {
            method.size(of: $0, sharesPrefixes: false, configuration)
        }
        guard let longest = sizes.map({ $0.tokens - $0.supervised }).max() else { return nil }
        return (
            min(sizes.count, configuration.training.evaluationBatchSize),
            min(longest + limit, context)
        )
    }

    /// What the model has that the text has not, and the reverse.
    var modelFaults: [RunFault] {
        RunChecks(configuration: configuration).faults(
            of: text, side.model.configuration,
            longestRow: data.known.map(\.length).max() ?? 0,
            longestEvaluation: data.evaluations.flatMap { $0.rows.map(\.length) }.max() ?? 0)
            + [trunk?.fault].compactMap(\.self)
    }

    /// What is wrong with steps and rates.
    var courseFaults: [RunFault] { RunChecks(configuration: configuration).faults(of: plan) }

    /// The error of a sample that is longer than the model can compute.
    var excess: FledgeError? {
        method.excess(data.evaluations.flatMap(\.rows), side, configuration) ?? unanswerable
    }

    /// The error of a question that leaves no room for an answer.
    private var unanswerable: FledgeError? {
        guard let rollouts = method.rollouts(configuration) else { return nil }
        let context = side.model.configuration.contextLength
        guard rollouts.newTokens < context else {
            return FledgeError(
                .configuration,
                "max_new_tokens is \(rollouts.newTokens); question and answer have \(context) tokens together in the model's context.",
                advice: "Set max_new_tokens to what an answer needs.")
        }
        let all = [data.known] + data.evaluations.map(\.rows)
        for rows in all {
            guard let row = rows.first(where: { $0.length >= context }) else { continue }
            return FledgeError(
                .data,
                "The question has \(row.length) tokens; the model's context of \(context) leaves no room for an answer.",
                advice: "Set cutoff_len to less than \(context), or leave the row out.",
                at: row.sequences.first?.source)
        }
        return nil
    }

    /// What is trained, as sentences.
    var summary: [String] {
        [side.parameterSummary] + [side.quantizationSummary].compactMap(\.self)
            + (configuration.model.printsParameterStatus ? side.parameterStatus : [])
    }
}
