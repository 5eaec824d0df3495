internal import FledgeCore
internal import FledgeData

/// Makes the evaluation rows of `predict_with_generate`: a question, and behind it the last answer, which
/// alone counts (reference: 02 §8.7).
struct PromptRows {
    private let processor: PromptProcessor

    init(_ configuration: RunConfiguration, _ text: TextSide) throws {
        processor = try PromptProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.data.cutoffLength, quirks: configuration.dataQuirks)
    }

    func make(
        _ rows: [AlignedSample], threads: Int, progress: RowProgress?
    ) throws -> ProcessedDataset<PackedRow> {
        let made = try processor.process(rows, threads: threads, progress: progress)
        let samples = made.samples.map { sample in
            ProcessedSample(
                inputIDs: sample.promptIDs + sample.responseIDs,
                labels: Array(repeating: ProcessedSample.ignored, count: sample.promptIDs.count)
                    + sample.responseIDs, source: sample.source)
        }
        var report = made.report
        report.supervisedCount = samples.reduce(0) { $0 + $1.supervisedCount }
        report.tokenCount = samples.reduce(0) { $0 + $1.inputIDs.count }
        return ProcessedDataset(samples: PackedRow.singles(samples), report: report)
    }

    /// The error of the first question that leaves no room for an answer; nil where there is none.
    static func excess(
        _ rows: [PackedRow], over context: Int
    ) -> FledgeError? {
        for sample in rows.lazy.flatMap(\.samples) {
            let count =
                sample.labels.firstIndex { $0 != ProcessedSample.ignored }
                ?? sample.inputIDs.count
            guard count >= context else { continue }
            return FledgeError(
                .data,
                "The question for evaluation has \(count) tokens; the model's context holds \(context), the answer included.",
                advice: "Set cutoff_len to less than \(context), or shorten the row.",
                at: sample.source)
        }
        return nil
    }
}
