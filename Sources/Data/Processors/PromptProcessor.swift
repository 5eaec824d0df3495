public import FledgeCore
public import FledgeTokenize

/// A question that a model is to answer.
public struct PromptSample: Hashable, Sendable {
    /// The question, up to where the answer begins.
    public var promptIDs: [Int32]
    /// The answer that the data gives, with its end; that of an empty one where it gives none.
    public var responseIDs: [Int32]
    /// Where the row is written.
    public var source: FledgeError.Location
    /// The row itself, for those who judge answers by it; nil where nobody has asked for it.
    public var row: AlignedSample?

    /// Creates a sample.
    public init(
        promptIDs: [Int32], responseIDs: [Int32], source: FledgeError.Location,
        row: AlignedSample? = nil
    ) {
        (self.promptIDs, self.responseIDs, self.source) = (promptIDs, responseIDs, source)
        self.row = row
    }
}

/// Makes questions for reinforcement learning and for prediction.
public struct PromptProcessor: SampleProcessor {
    private let encoder: DialogueEncoder
    private let keepsRows: Bool

    /// Creates a processor.
    ///
    /// - Parameters:
    ///   - cutoffLength: The most tokens of a question with its answer.
    ///   - keepsRows: Whether samples hold the row that they were made of.
    /// - Throws: ``FledgeError`` when the length is not positive.
    public init(
        tokenizer: any Tokenizer, template: ChatTemplate, cutoffLength: Int = 2048,
        quirks: ReferenceQuirks = [], keepsRows: Bool = false
    ) throws {
        self.keepsRows = keepsRows
        encoder = try DialogueEncoder(tokenizer, template, cutoffLength: cutoffLength, quirks)
    }

    /// The question of a row; nil for a row that is dropped.
    public func sample(_ row: AlignedSample, _ report: inout DataReport) throws -> PromptSample? {
        report.rowCount += 1
        guard row.prompt.count % 2 == 1 else {
            encoder.drop(row, answers: "a question before it", &report)
            return nil
        }
        let answer = row.response.count == 1 ? row.response[0] : Message(.assistant, "")
        let turn = try encoder.oneturn(row, answer: answer)
        let kept = SequenceBudget.lengths(
            source: turn.prompt.count, target: turn.response.count, cutoff: encoder.cutoffLength)
        encoder.noteControlStrings(row, &report)
        if kept.source < turn.prompt.count || kept.target < turn.response.count {
            report.truncated.append(row.source)
        }
        report.tokenCount += kept.source
        return PromptSample(
            promptIDs: Array(turn.prompt.prefix(kept.source)),
            responseIDs: Array(turn.response.prefix(kept.target)), source: row.source,
            row: keepsRows ? row : nil)
    }
}
