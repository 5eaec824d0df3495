import FledgeCore
public import FledgeTokenize

/// Looks for faults in samples as the model sees them.
public struct SampleChecks: Sendable {
    private let begin: Int32?
    private let stops: Set<Int32>
    private let isOwn: Bool
    /// White space and other text may follow the token that ends an answer.
    private static let tail = 8

    /// Creates checks for what a tokenizer and a template make.
    public init(tokenizer: any Tokenizer, template: ChatTemplate) {
        begin = tokenizer.beginOfText
        stops = template.stopTokens(of: tokenizer)
        isOwn = template.model != nil
    }

    /// The faults of dialogues of which answers are learned, or of texts that are learned whole.
    ///
    /// - Parameter endsAnswers: Whether what is learned has to end with a token that ends answers.
    public func faults(
        in samples: [ProcessedSample], _ report: DataReport, endsAnswers: Bool = true
    ) -> [DataFault] {
        var faults = self.faults(of: report)
        let begun = samples.filter {
            $0.inputIDs.count > 1 && $0.inputIDs[0] == begin && $0.inputIDs[1] == begin
        }
        if !begun.isEmpty {
            faults.append(
                DataFault(
                    .doubledBegin, "The token that begins a text stands twice at the beginning.",
                    advice: "Remove it from the data: the template writes it.",
                    places: begun.map(\.source)))
        }
        guard endsAnswers else { return faults }
        let doubled = samples.filter { sample in
            zip(sample.labels, sample.labels.dropFirst()).contains {
                $0 == $1 && stops.contains($0)
            }
        }
        if !doubled.isEmpty {
            faults.append(
                DataFault(
                    .doubledEnd, "Answers end twice.",
                    advice: "Remove the token for the end from the data: the template writes it.",
                    places: doubled.map(\.source)))
        }
        let cut = Set(report.truncated)
        let endless = samples.filter { sample in
            let learned = sample.labels.reversed().lazy.filter { $0 != ProcessedSample.ignored }
            let end = learned.prefix(Self.tail)
            return !end.isEmpty && !cut.contains(sample.source)
                && !end.contains(where: stops.contains)
        }
        if !endless.isEmpty {
            faults.append(
                DataFault(
                    .missingStop, "Answers are learned without a token that ends them.",
                    advice: isOwn
                        ? "After training the model would not stop: name the token that the template "
                            + "ends answers with as eos_token in tokenizer_config.json, or end "
                            + "answers with the present one in the template."
                        : "Choose the template of this model: after training it would not stop.",
                    places: endless.map(\.source)))
        }
        return faults
    }

    /// The faults of questions.
    public func faults(in samples: [PromptSample], _ report: DataReport) -> [DataFault] {
        faults(
            in: samples.map {
                ProcessedSample(inputIDs: $0.promptIDs, labels: $0.promptIDs, source: $0.source)
            }, report, endsAnswers: false)
    }

    /// What the report of a processor tells.
    private func faults(of report: DataReport) -> [DataFault] {
        var faults = [DataFault]()
        if let first = report.dropped.first {
            faults.append(
                DataFault(
                    .droppedRows,
                    "\(report.dropped.count) of \(report.rowCount) rows are left out: \(first.reason).",
                    advice: "Correct them, or set drop_invalid_rows: true to train without them.",
                    places: report.dropped.map(\.source)))
        }
        if !report.unsupervised.isEmpty {
            let isAll = report.supervisedCount == 0
            faults.append(
                DataFault(
                    isAll ? .nothingLearned : .emptyMask,
                    isAll
                        ? "No token of any row is learned." : "Rows of which no token is learned.",
                    advice: Self.remedy(ofUnsupervised: report),
                    places: report.unsupervised))
        }
        if !report.switchedThinking.isEmpty {
            faults.append(
                DataFault(
                    .switchedThinking,
                    "Answers without a thought do not go on with what enable_thinking: true asks: they "
                        + "are learned behind the prompt of enable_thinking: false.",
                    advice:
                        "Leave enable_thinking out or set it to false, or give answers with their "
                        + "thoughts.", places: report.switchedThinking))
        }
        if !report.unmarked.isEmpty {
            faults.append(
                DataFault(
                    .unmarkedAnswers,
                    "Answers that are not learned: the model's own template has {% generation %} blocks, "
                        + "and writes nothing of these answers inside of one.",
                    advice:
                        "Put all that the model says into {% generation %} in the template, or take "
                        + "the blocks out: then all that follows a question is learned.",
                    places: report.unmarked))
        }
        let cut = Set(report.truncated)
        let (shortened, whole) = (
            report.equalAnswers.filter(cut.contains),
            report.equalAnswers.filter { !cut.contains($0) }
        )
        if !whole.isEmpty {
            faults.append(
                DataFault(
                    .equalAnswers, "Pairs whose two answers are the same.",
                    advice: "Check the columns of chosen and rejected.", places: whole))
        }
        if !shortened.isEmpty {
            faults.append(
                DataFault(
                    .equalAnswers,
                    "Pairs whose two answers are the same up to where cutoff_len cuts them.",
                    advice: "Raise cutoff_len, or leave these rows out.", places: shortened))
        }
        if report.truncated.count * 2 > max(report.rowCount, 1) {
            faults.append(
                DataFault(
                    .mostlyTruncated,
                    "\(report.truncated.count) of \(report.rowCount) rows are cut at the limit.",
                    advice: "Raise cutoff_len, or shorten the rows.", places: report.truncated))
        }
        return faults
    }

    /// What helps rows of which nothing is learned: they were cut, or nothing of them is marked.
    private static func remedy(ofUnsupervised report: DataReport) -> String {
        let cut = Set(report.truncated)
        return report.unsupervised.contains(where: cut.contains)
            ? "Raise cutoff_len, or leave these rows out."
            : "See whether their marks (train, weight, loss_mask), or what the template marks, are "
                + "meant so, or leave these rows out."
    }

    /// What the report of the rows for evaluation tells.
    public static func faults(ofEvaluation report: DataReport) -> [DataFault] {
        var faults = [DataFault]()
        if let first = report.dropped.first {
            faults.append(
                DataFault(
                    .droppedRows,
                    "\(report.dropped.count) of \(report.rowCount) rows for evaluation are left out: "
                        + "\(first.reason).",
                    advice: "Correct them, or set drop_invalid_rows: true to go on without them.",
                    places: report.dropped.map(\.source)))
        }
        if !report.unsupervised.isEmpty {
            let isAll = report.supervisedCount == 0
            faults.append(
                DataFault(
                    isAll ? .nothingLearned : .emptyMask,
                    isAll
                        ? "No row for evaluation has a token that counts."
                        : "Rows for evaluation of which no token counts.",
                    advice: Self.remedy(ofUnsupervised: report),
                    places: report.unsupervised))
        }
        return faults
    }

    /// Rows for evaluation that are trained on, where they are more than a few by chance.
    public static func overlap(
        training: [[Int32]], evaluation: [[Int32]]
    ) -> DataFault? {
        guard !evaluation.isEmpty else { return nil }
        let trained = Set(training)
        let shared = evaluation.count { trained.contains($0) }
        guard shared * 10 > evaluation.count else { return nil }
        return DataFault(
            .evaluationOverlap,
            "\(shared) of \(evaluation.count) rows for evaluation are trained on too.",
            advice: "Evaluate on other rows: this loss would say nothing.", count: shared)
    }
}
