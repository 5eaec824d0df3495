import FledgeCore
public import FledgeTokenize

/// A question with an answer that was found good or bad.
public struct FeedbackSample: Hashable, Sendable {
    /// The question and its answer.
    public var target: ProcessedSample
    /// The question and the answer of another row, from which the divergence of the policy from the
    /// reference is estimated.
    public var mismatched: ProcessedSample
    /// Whether the answer was found good.
    public var isDesirable: Bool

    /// Creates a sample.
    public init(target: ProcessedSample, mismatched: ProcessedSample, isDesirable: Bool) {
        (self.target, self.mismatched, self.isDesirable) = (target, mismatched, isDesirable)
    }
}

/// A row with the one whose answer is put to its question, see ``FeedbackPairs``.
public struct FeedbackRow: Sendable {
    /// The row.
    public var row: AlignedSample
    /// The row whose answer is put to its question.
    public var other: AlignedSample

    /// Creates a pair of rows.
    public init(row: AlignedSample, other: AlignedSample) { (self.row, self.other) = (row, other) }
}

/// Makes samples for Kahneman–Tversky optimization (Ethayarajh et al. 2024).
public struct FeedbackProcessor: SampleProcessor {
    private let encoder: DialogueEncoder
    private let quirks: ReferenceQuirks

    /// Creates a processor.
    ///
    /// - Parameters:
    ///   - cutoffLength: The most tokens of a question with an answer.
    ///   - quirks: With `kto_map_batches` rows are put together inside of preprocessing batches;
    ///     with `kto_empty_answers` a good answer that is empty counts as a bad one.
    /// - Throws: ``FledgeError`` when the length is not positive.
    public init(
        tokenizer: any Tokenizer, template: ChatTemplate, cutoffLength: Int = 2048,
        quirks: ReferenceQuirks = []
    ) throws {
        encoder = try DialogueEncoder(tokenizer, template, cutoffLength: cutoffLength, quirks)
        self.quirks = quirks
    }

    /// Whether rows are put together inside of preprocessing batches.
    var staysInBatches: Bool { quirks.contains(.ktoMapBatches) }

    /// The sample of a row; nil for a row that is dropped.
    public func sample(_ row: FeedbackRow, _ report: inout DataReport) throws -> FeedbackSample? {
        report.rowCount += 1
        let (row, other) = (row.row, row.other)
        guard row.prompt.count % 2 == 1, row.response.count >= 2 else {
            encoder.drop(row, answers: "one that is marked (columns: kto_tag)", &report)
            return nil
        }
        let isDesirable = isDesirable(row)
        let target = try encoded(row, row.response[isDesirable ? 0 : 1])
        let answer =
            other.response.count < 2
            ? other.response.first : other.response[self.isDesirable(other) ? 0 : 1]
        let mismatched = try encoded(row, answer ?? row.response[isDesirable ? 0 : 1])
        encoder.noteControlStrings(row, &report)
        if target.isCut || mismatched.isCut { report.truncated.append(row.source) }
        if target.sample.supervisedCount == 0 { report.unsupervised.append(row.source) }
        report.count(target.sample)
        return FeedbackSample(
            target: target.sample, mismatched: mismatched.sample, isDesirable: isDesirable)
    }

    /// Whether a row has an answer that another question can be given.
    func hasAnswer(_ row: AlignedSample) -> Bool {
        row.prompt.count % 2 == 1 && row.response.count >= 2
    }

    private func isDesirable(_ row: AlignedSample) -> Bool {
        let isWritten = !row.response[0].content.isEmpty
        return quirks.contains(.ktoEmptyAnswers) ? isWritten : row.isDesirable ?? isWritten
    }

    private func encoded(
        _ row: AlignedSample, _ answer: Message
    ) throws -> (sample: ProcessedSample, isCut: Bool) {
        let turn = try encoder.oneturn(row, answer: answer)
        let kept = SequenceBudget.lengths(
            source: turn.prompt.count, target: turn.response.count, cutoff: encoder.cutoffLength)
        return (
            encoder.sample(
                turn.prompt.prefix(kept.source), turn.response.prefix(kept.target),
                weight: answer.weight, row),
            kept.source < turn.prompt.count || kept.target < turn.response.count
        )
    }
}
