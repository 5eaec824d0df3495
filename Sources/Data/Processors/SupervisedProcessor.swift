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
    ///
    /// - Throws: Also for a row that makes several samples; see ``samples(_:_:)``.
    public func sample(
        _ row: AlignedSample, _ report: inout DataReport
    ) throws -> ProcessedSample? {
        let samples = try samples(row, &report)
        guard samples.count > 1 else { return samples.first }
        throw FledgeError(
            .unsupported,
            "The row makes \(samples.count) samples, since the model's own template writes answers "
                + "in another way once the dialogue goes on; when rows are streamed each is one.",
            advice: "Set mask_history: true to learn the last answers alone, or streaming: false.",
            at: row.source)
    }

    /// The samples of a row: one, or several where the model's own template writes an answer in another
    /// way once the dialogue goes on.
    public func samples(
        _ row: AlignedSample, _ report: inout DataReport
    ) throws -> [ProcessedSample] {
        report.rowCount += 1
        guard row.prompt.count % 2 == 1, row.response.count == 1 else {
            encoder.drop(row, answers: "one that is learned", &report)
            return []
        }
        let messages = row.prompt + row.response
        let template = encoder.template(for: row)
        let dialogues = try encoder.located(row) {
            try template.encodeDialogues(
                messages, system: row.system, tools: row.tools,
                discardingHistoryThoughts: masksHistory && !template.preservesThinking,
                learnsLastOnly: masksHistory, with: encoder.tokenizer)
        }
        guard dialogues.count == 1 || !trainsOnPrompt else {
            throw FledgeError(
                .unsupported,
                "train_on_prompt: true would learn questions of this row several times: the model's "
                    + "own template writes answers in another way once the dialogue goes on, so that "
                    + "the row makes \(dialogues.count) samples.",
                advice: "Leave train_on_prompt out, or name a template.", at: row.source)
        }
        encoder.noteControlStrings(row, &report)
        if dialogues.contains(where: \.switchesThinking) {
            report.switchedThinking.append(row.source)
        }
        let unmarked = dialogues.flatMap(\.unmarked)
        if unmarked.contains(where: { !masksHistory || $0 == messages.count / 2 - 1 }) {
            report.unmarked.append(row.source)
        }
        return dialogues.map { dialogue in
            let sample = assemble(dialogue, messages, source: row.source)
            let wanted = dialogue.turns.reduce(
                (encoder.commonEnd == nil ? 0 : 1) + dialogue.tail.count
            ) {
                $0 + $1.prompt.count + $1.response.count
            }
            if sample.inputIDs.count < wanted { report.truncated.append(row.source) }
            if sample.supervisedCount == 0 { report.unsupervised.append(row.source) }
            report.count(sample)
            return sample
        }
    }

    /// Joins turns as far as they fit, the last ones first when only the last answer counts.
    private func assemble(
        _ dialogue: EncodedDialogue, _ messages: [Message], source: FledgeError.Location
    ) -> ProcessedSample {
        let turns = dialogue.turns
        let (end, ignored) = (encoder.commonEnd, ProcessedSample.ignored)
        let isWeighted = messages.contains { $0.weight != 1 }
        var total = (end == nil ? 0 : 1) + dialogue.tail.count
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
            let place = masksHistory ? turns.count - 1 - index : index
            let isMasked =
                masksHistory && dialogue.numbers[place] != messages.count / 2 - 1
            let responseLabels =
                isMasked ? Array(repeating: ignored, count: kept.target) : Array(response)
            var part = ProcessedSample(
                inputIDs: Array(prompt + response), labels: promptLabels + responseLabels,
                source: source)
            if isWeighted {
                let question = 2 * dialogue.numbers[place]
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
        if !dialogue.tail.isEmpty, total <= encoder.cutoffLength {
            let labels =
                trainsOnPrompt
                ? dialogue.tail : Array(repeating: ignored, count: dialogue.tail.count)
            parts.append(
                ProcessedSample(
                    inputIDs: dialogue.tail, labels: labels,
                    weights: isWeighted ? Array(repeating: 1, count: labels.count) : nil,
                    source: source))
        }
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
