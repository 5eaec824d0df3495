internal import FledgeCore
internal import FledgeModel
internal import FledgeTokenize
internal import FledgeTrain

/// Answers that a model gives to the questions of evaluation rows, and how like those of the data they
/// are (reference: 05 §5.1).
struct AnswerGeneration {
    private let text: TextSide
    private let generator: TokenGenerator
    let options: GenerationOptions
    private let skipsSpecials: Bool

    static let chineseNote =
        "Chinese is cut into characters for ROUGE, where LLaMA-Factory cuts it into words."

    init(_ model: any CausalLM, _ text: TextSide, _ configuration: RunConfiguration) {
        self.text = text
        generator = TokenGenerator(model)
        options = GenerationOptions(
            configuration, stopTokens: text.stopTokens.union(text.tokenizer.extraSpecialTokens))
        skipsSpecials = configuration.generating.skipsSpecialTokens
    }

    /// Answers the questions of a batch of rows that ``PromptRows`` made: what is supervised is the
    /// answer that the data give.
    func predict(_ batch: TokenBatch) throws -> BatchPrediction {
        let rows = Self.rows(batch)
        let answers = try generator.generate(
            rows.map(\.prompt), options, concurrent: max(rows.count, 1), draws: batch.samples)
        var (lines, values, notes) = ([JSONValue](), [String: [Double]](), Set<String>())
        for (row, answer) in zip(rows, answers) {
            let similarity = TextSimilarity(decode(answer.ids), expected: decode(row.answer))
            for (name, value) in similarity.values { values[name, default: []].append(value) }
            if similarity.hasChinese { notes.insert(Self.chineseNote) }
            lines.append([
                "prompt": .string(decode(row.prompt, skippingSpecials: false)),
                "predict": .string(decode(answer.ids, skippingSpecials: skipsSpecials)),
                "label": .string(decode(row.answer, skippingSpecials: skipsSpecials)),
            ])
        }
        return BatchPrediction(
            report: LossReport(
                tokens: batch.tokenCount, metrics: values.mapValues { Metric(meanOf: $0) }),
            lines: lines, notes: notes)
    }

    private func decode(_ ids: [Int32], skippingSpecials: Bool = true) -> String {
        text.tokenizer.decode(ids, skippingSpecials: skippingSpecials)
    }

    /// The question of each sample, up to the token that predicts the answer's first one, and the answer.
    static func rows(_ batch: TokenBatch) -> [(prompt: [Int32], answer: [Int32])] {
        precondition(!batch.layout.hasSharedSegments, "AnswerGeneration: samples share segments")
        var answers = [[Int32]](repeating: [], count: batch.layout.segments.count)
        var ends = [Int?](repeating: nil, count: answers.count)
        let supervision = batch.supervision
        for (index, sample) in supervision.samples.map(Int.init).enumerated() {
            answers[sample].append(supervision.targets[index])
            if ends[sample] == nil { ends[sample] = Int(supervision.rows[index]) + 1 }
        }
        return batch.layout.segments.enumerated().map { index, segment in
            let end = ends[index] ?? segment.range.upperBound
            return (Array(batch.ids[segment.start..<end]), answers[index])
        }
    }
}

extension GenerationOptions {
    /// The options of a configuration's keys.
    init(_ configuration: RunConfiguration, stopTokens: Set<Int32>) {
        let generating = configuration.generating
        let limitsAnswer = generating.maxNewTokens > 0
        self.init(
            maxNewTokens: limitsAnswer ? generating.maxNewTokens : generating.maxLength,
            maxTotalTokens: limitsAnswer ? nil : generating.maxLength,
            // Temperature zero means the most probable token, as in the reference's chat.
            samples: generating.samples && generating.temperature > 0,
            temperature: generating.temperature, topP: generating.topP, topK: generating.topK,
            repetitionPenalty: generating.repetitionPenalty, stopTokens: stopTokens,
            seed: configuration.training.seed)
    }
}

extension TextTokenizer {
    /// The further special tokens that the tokenizer's configuration names, which end the reference's
    /// predictions.
    fileprivate var extraSpecialTokens: Set<Int32> {
        let names =
            configuration["extra_special_tokens"]?.arrayValue
            ?? configuration["additional_special_tokens"]?.arrayValue ?? []
        return Set(
            names.compactMap { $0.stringValue ?? $0["content"]?.stringValue }
                .compactMap { id(ofSpecial: $0) })
    }
}
