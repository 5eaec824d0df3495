internal import FledgeCore
internal import FledgeData

/// Makes the evaluation rows of `predict_with_generate`: a question, and behind it the last answer, which
/// alone counts (reference: 02 §8.7).
struct PromptRows: SampleProcessor {
    private let processor: PromptProcessor

    init(_ configuration: RunConfiguration, _ text: TextSide) throws {
        processor = try PromptProcessor(
            tokenizer: text.tokenizer, template: text.template,
            cutoffLength: configuration.data.cutoffLength, quirks: configuration.dataQuirks)
    }

    func sample(_ row: AlignedSample, _ report: inout DataReport) throws -> ProcessedSample? {
        guard let made = try processor.sample(row, &report) else { return nil }
        let ignored = [Int32](repeating: ProcessedSample.ignored, count: made.promptIDs.count)
        let sample = ProcessedSample(
            inputIDs: made.promptIDs + made.responseIDs, labels: ignored + made.responseIDs,
            source: made.source)
        // The question is counted already.
        report.tokenCount += made.responseIDs.count
        report.supervisedCount += sample.supervisedCount
        return sample
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
