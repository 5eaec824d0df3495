internal import FledgeCore
internal import FledgeData
internal import FledgeModel
internal import FledgeTokenize
internal import FledgeTrain

/// Writes questions and answers as a reward model with a tokenizer of its own sees them.
struct RewardText {
    private let processor: PromptProcessor

    init(_ text: TextSide) throws {
        // Nothing is cut here: what does not fit is an error of its own.
        processor = try PromptProcessor(
            tokenizer: text.tokenizer, template: text.template, cutoffLength: .max)
    }

    /// The ids of the row's messages with an answer behind them.
    ///
    /// - Throws: ``FledgeError`` when the row is not known, or the template cannot write it.
    func ids(of answer: JudgedAnswer) throws -> [Int32] {
        guard var row = answer.row else {
            throw FledgeError(
                .configuration,
                "The reward model writes questions in its own way, but of the questions only the policy's tokens are known.",
                advice: "Leave tokenized_path out, so that rows are read from the data set.")
        }
        row.response = [Message(.assistant, answer.answer)]
        var report = DataReport()
        guard let sample = try processor.sample(row, &report) else {
            throw FledgeError(
                .data, "The reward model's template cannot write the row.", at: row.source)
        }
        return sample.promptIDs + sample.responseIDs
    }

    /// The tokens of a question; nil where its row is not known or cannot be written.
    func length(of question: PromptSample) -> Int? {
        var report = DataReport()
        guard let row = question.row else { return nil }
        return (try? processor.sample(row, &report))?.promptIDs.count
    }

    /// Refuses sequences that a model cannot score.
    static func requireFit(
        _ sequences: [[Int32]], _ answers: [JudgedAnswer], _ model: DecoderLM
    ) throws {
        let (context, rows) = (
            model.configuration.contextLength, model.configuration.vocabularySize
        )
        for (ids, answer) in zip(sequences, answers) {
            let place = answer.row?.source
            guard !ids.isEmpty else {
                throw FledgeError(
                    .data, "There is nothing for the reward model to score.", at: place)
            }
            guard ids.count <= context else {
                throw FledgeError(
                    .unsupported,
                    "Question and answer have \(ids.count) tokens; the reward model sees at most \(context).",
                    advice: "Set a smaller cutoff_len or max_new_tokens.", at: place)
            }
            guard let id = ids.first(where: { $0 < 0 || Int($0) >= rows }) else { continue }
            throw FledgeError(
                .mismatch,
                "The reward model has vectors for \(rows) tokens, none for the id \(id).",
                advice: "Name a reward model with the policy's tokenizer, or set reward_template.",
                at: place)
        }
    }
}

extension TextTokenizer {
    /// Whether both make the same ids of any text.
    func makesSameIDs(as other: TextTokenizer) -> Bool {
        guard vocabularyCount == other.vocabularyCount else { return false }
        let (own, others) = (json, other.json)
        for key in ["normalizer", "pre_tokenizer", "model"] where own[key] != others[key] {
            return false
        }
        func added(_ json: JSONValue) -> [String: Int] {
            let tokens = json["added_tokens"]?.arrayValue ?? []
            return Dictionary(
                tokens.map { ($0["content"]?.stringValue ?? "", $0["id"]?.intValue ?? -1) },
                uniquingKeysWith: { $1 })
        }
        return added(own) == added(others)
    }
}
