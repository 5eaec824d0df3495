import FledgeCore
public import FledgeTokenize

/// Makes samples of dialogues for supervised fine-tuning: the answers are learned.
public struct SupervisedProcessor: SampleProcessor {
    private let encoder: DialogueEncoder
    private let masksHistory: Bool
    private let trainsOnPrompt: Bool
    private let quirks: ReferenceQuirks

    /// Creates a processor.
    ///
    /// - Parameters:
    ///   - tokenizer: The tokenizer, prepared by the template.
    ///   - template: How dialogues are written.
    ///   - cutoffLength: The most tokens of a sample.
    ///   - masksHistory: Whether only the last answer is learned; then the last turns are kept when
    ///     not all fit.
    ///   - trainsOnPrompt: Whether the questions are learned too.
    ///   - quirks: Where to be as wrong as the reference.
    /// - Throws: ``FledgeError`` when these do not fit together.
    public init(
        tokenizer: any Tokenizer, template: ChatTemplate, cutoffLength: Int = 2048,
        masksHistory: Bool = false, trainsOnPrompt: Bool = false, quirks: ReferenceQuirks = []
    ) throws {
        guard !(trainsOnPrompt && template.usesEfficientEnd) else {
            throw FledgeError(
                .configuration, "Current template does not support `train_on_prompt`.",
                advice: "The template \(template.name) has one end token for all answers.")
        }
        encoder = try DialogueEncoder(tokenizer, template, cutoffLength: cutoffLength, quirks)
        (self.masksHistory, self.trainsOnPrompt) = (masksHistory, trainsOnPrompt)
        self.quirks = quirks
    }

    /// The sample of a row; `nil` for a row that is dropped.
    public func sample(
        _ row: AlignedSample, _ report: inout DataReport
    ) throws -> ProcessedSample? {
        report.rowCount += 1
        guard row.prompt.count % 2 == 1, row.response.count == 1 else {
            encoder.drop(row, answers: "one that is learned", &report)
            return nil
        }
        let messages = row.prompt + row.response
        let template = encoder.template
        let turns = try encoder.located(row) {
            try template.encodeMultiturn(
                messages, system: row.system, tools: row.tools,
                discardingHistoryThoughts: masksHistory && !template.preservesThinking,
                with: encoder.tokenizer)
        }
        let sample = assemble(turns, messages, source: row.source)
        encoder.noteControlStrings(row, &report)
        let wanted = turns.reduce(encoder.commonEnd == nil ? 0 : 1) {
            $0 + $1.prompt.count + $1.response.count
        }
        if sample.inputIDs.count < wanted { report.truncated.append(row.source) }
        if sample.supervisedCount == 0 { report.unsupervised.append(row.source) }
        report.count(sample)
        return sample
    }

    /// Joins turns as far as they fit, the last ones first when only the last answer counts.
    private func assemble(
        _ turns: [EncodedTurn], _ messages: [Message], source: FledgeError.Location
    ) -> ProcessedSample {
        let (end, ignored) = (encoder.commonEnd, ProcessedSample.ignored)
        let isWeighted = messages.contains { $0.weight != 1 }
        var total = end == nil ? 0 : 1
        var parts = [ProcessedSample]()
        for (index, turn) in (masksHistory ? turns.reversed() : turns).enumerated() {
            let room = encoder.cutoffLength - total
            if room <= 0 { break }
            let kept = SequenceBudget.lengths(
                source: turn.prompt.count, target: turn.response.count, cutoff: room)
            let prompt = turn.prompt.prefix(kept.source)
            let response = turn.response.prefix(kept.target)
            total += kept.source + kept.target
            var promptLabels =
                trainsOnPrompt
                ? Array(prompt) : Array(repeating: ignored, count: kept.source)
            // The end of the answer before is learned where the next question begins; with a
            // masked history nothing of the sort is (the reference learns it all the same).
            let learnsEnd =
                index > 0 && !trainsOnPrompt
                && (!masksHistory || quirks.contains(.historyEndLabels))
            if let end, learnsEnd, !promptLabels.isEmpty { promptLabels[0] = end }
            let isMasked = masksHistory && index > 0
            let responseLabels =
                isMasked ? Array(repeating: ignored, count: kept.target) : Array(response)
            var part = ProcessedSample(
                inputIDs: Array(prompt + response), labels: promptLabels + responseLabels,
                source: source)
            if isWeighted {
                let question = 2 * (masksHistory ? turns.count - 1 - index : index)
                var weights = [Float](repeating: messages[question].weight, count: kept.source)
                if end != nil, learnsEnd, question > 0, !weights.isEmpty {
                    weights[0] = messages[question - 1].weight
                }
                part.weights =
                    weights
                    + repeatElement(messages[question + 1].weight, count: kept.target)
            }
            parts.append(part)
        }
        if masksHistory { parts.reverse() }
        if let end {
            parts.append(
                ProcessedSample(
                    inputIDs: [end], labels: [end],
                    weights: isWeighted ? [messages.last?.weight ?? 1] : nil, source: source))
        }
        var sample = ProcessedSample(
            inputIDs: parts.flatMap(\.inputIDs), labels: parts.flatMap(\.labels), source: source)
        if isWeighted { sample.setWeights(parts.flatMap { $0.weights ?? [] }) }
        return sample
    }
}
