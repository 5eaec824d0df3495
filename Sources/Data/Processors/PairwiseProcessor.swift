public import FledgeCore
public import FledgeTokenize

/// A question with a better and a worse answer.
public struct PairwiseSample: Hashable, Sendable {
    /// The question and the better answer, of which the answer is learned.
    public var chosen: ProcessedSample
    /// The question and the worse answer.
    public var rejected: ProcessedSample
    /// Number of tokens that both begin with: those of the question.
    public var promptCount: Int

    /// Creates a pair.
    public init(chosen: ProcessedSample, rejected: ProcessedSample, promptCount: Int) {
        (self.chosen, self.rejected, self.promptCount) = (chosen, rejected, promptCount)
    }

    /// Where the row is written.
    public var source: FledgeError.Location { chosen.source }
}

/// Makes pairs for reward models and direct preference optimization.
///
/// Both answers are cut to the room of the longer one, and both follow the question as it is
/// written before the better answer.
public struct PairwiseProcessor: SampleProcessor {
    private let encoder: DialogueEncoder

    /// Creates a processor.
    ///
    /// - Parameter cutoffLength: The most tokens of a question with an answer.
    /// - Throws: ``FledgeError`` when the length is not positive.
    public init(
        tokenizer: any Tokenizer, template: ChatTemplate, cutoffLength: Int = 2048,
        quirks: ReferenceQuirks = []
    ) throws {
        encoder = try DialogueEncoder(tokenizer, template, cutoffLength: cutoffLength, quirks)
    }

    /// The pair of a row; nil for a row that is dropped.
    public func sample(
        _ row: AlignedSample, _ report: inout DataReport
    ) throws -> PairwiseSample? {
        report.rowCount += 1
        guard row.prompt.count % 2 == 1, row.response.count >= 2 else {
            encoder.drop(row, answers: "a chosen and a rejected one (ranking: true)", &report)
            return nil
        }
        let better = try encoder.oneturn(row, answer: row.response[0])
        let worse = try encoder.oneturn(row, answer: row.response[1])
        let longest = max(better.response.count, worse.response.count)
        let kept = SequenceBudget.lengths(
            source: better.prompt.count, target: longest, cutoff: encoder.cutoffLength)
        let prompt = better.prompt.prefix(kept.source)
        let pair = PairwiseSample(
            chosen: encoder.sample(
                prompt, better.response.prefix(kept.target),
                weight: row.response[0].weight, row),
            rejected: encoder.sample(
                prompt, worse.response.prefix(kept.target),
                weight: row.response[1].weight, row),
            promptCount: kept.source)
        encoder.noteControlStrings(row, &report)
        if kept.source < better.prompt.count || kept.target < longest {
            report.truncated.append(row.source)
        }
        if pair.chosen.inputIDs == pair.rejected.inputIDs {
            report.equalAnswers.append(row.source)
        }
        if min(pair.chosen.supervisedCount, pair.rejected.supervisedCount) == 0 {
            report.unsupervised.append(row.source)
        }
        report.count(pair.chosen)
        report.count(pair.rejected)
        return pair
    }
}
