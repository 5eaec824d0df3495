import FledgeCore
import FledgeTokenize

/// What the processors of dialogues have in common.
struct DialogueEncoder: Sendable {
    let tokenizer: any Tokenizer
    let template: ChatTemplate
    let cutoffLength: Int

    init(
        _ tokenizer: any Tokenizer, _ template: ChatTemplate, cutoffLength: Int,
        _ quirks: ReferenceQuirks
    ) throws {
        guard cutoffLength > 0 else {
            throw FledgeError(.configuration, "cutoff_len cannot be \(cutoffLength).")
        }
        (self.tokenizer, self.cutoffLength) = (tokenizer, cutoffLength)
        var template = template
        if quirks.contains(.contentSpecials) { template.contentSpecials = .parse }
        template.referenceWays.formUnion(quirks.templateWays)
        self.template = template
    }

    /// The token that ends a whole dialogue where answers have none of their own.
    var commonEnd: Int32? { template.usesEfficientEnd ? tokenizer.endOfText : nil }

    /// The template as a row is written in it.
    func template(for row: AlignedSample) -> ChatTemplate {
        guard row.hasEmptySystem, template.model != nil else { return template }
        var copy = template
        copy.writesEmptySystem = true
        return copy
    }

    /// Everything before an answer, and the answer with its end, neither cut.
    func oneturn(_ row: AlignedSample, answer: Message) throws -> EncodedTurn {
        var turn = try located(row) {
            try template(for: row).encodeOneturn(
                row.prompt + [answer], system: row.system, tools: row.tools, with: tokenizer)
        }
        if let commonEnd { turn.response.append(commonEnd) }
        return turn
    }

    /// Names the row in errors that know no place.
    func located<R>(_ row: AlignedSample, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch var error as FledgeError where error.location == nil {
            error.location = row.source
            throw error
        }
    }

    /// Notes a row that is not used; `answers` says how many it should have.
    func drop(_ row: AlignedSample, answers: String, _ report: inout DataReport) {
        let reason = row.fault ?? row.answerFault ?? Self.mismatch(row, answers)
        report.dropped.append(DataReport.Dropped(source: row.source, reason: reason))
    }

    /// What a row has that a stage cannot use.
    private static func mismatch(_ row: AlignedSample, _ answers: String) -> String {
        if row.prompt.isEmpty, row.response.isEmpty {
            return
                "it has no messages but perhaps a system text, expected a question and its answer"
        }
        if row.prompt.count % 2 == 0 {
            return
                "there are \(row.prompt.count) messages before the answer, expected an odd number"
        }
        let found =
            switch row.response.count {
            case 0: "no answer"
            case 1: "one answer"
            default: row.isDesirable == nil ? "two answers" : "an answer that is marked good or bad"
            }
        return "the row has \(found), expected \(answers)"
    }

    func noteControlStrings(_ row: AlignedSample, _ report: inout DataReport) {
        let texts = (row.prompt + row.response).flatMap(\.texts) + [row.system, row.tools]
        if texts.contains(where: tokenizer.containsSpecial) {
            report.controlStrings.append(row.source)
        }
    }

    /// A prompt and a learned answer; both were cut before.
    func sample(
        _ prompt: ArraySlice<Int32>, _ response: ArraySlice<Int32>, weight: Float,
        _ row: AlignedSample
    ) -> ProcessedSample {
        var sample = ProcessedSample(
            inputIDs: Array(prompt + response),
            labels: Array(repeating: ProcessedSample.ignored, count: prompt.count) + response,
            source: row.source)
        if weight != 1 {
            sample.setWeights(Array(repeating: weight, count: sample.labels.count))
        }
        return sample
    }
}

extension DataReport {
    /// Counts a sample that is used.
    package mutating func count(_ sample: ProcessedSample) {
        tokenCount += sample.inputIDs.count
        supervisedCount += sample.supervisedCount
    }
}
