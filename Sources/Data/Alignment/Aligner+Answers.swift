internal import FledgeColumnar
import FledgeCore
import FledgeTokenize

/// Answers in columns of their own: texts, messages, or lists of messages.
extension Aligner {
    /// What a column says is the answer.
    enum Answer {
        /// The answer, and the messages that stand before it in its column.
        case messages(before: [Message], answer: Message)
        /// Why there is none.
        case none(String)
    }

    /// The answer in a column.
    func answer(
        _ column: String?, _ record: Record, _ sample: inout AlignedSample
    ) throws -> Answer {
        guard let column else { return .none(Self.nameless(record)) }
        guard let value = value(column, record) else {
            return .none("the row has no column \(column)")
        }
        let isAlpaca = description.formatting == .alpaca
        if let text = value.stringValue {
            guard isAlpaca || !readsAsReference else {
                return .none(Self.wrong(column, value, "a message"))
            }
            return .messages(before: [], answer: Message(.assistant, text))
        }
        if !isAlpaca, value.members != nil, readsAsReference || hasTags(value) {
            let answer = try message(value, reader, record, &sample)
            guard readsAsReference || answer.isAnswer else {
                return .none(
                    "the column \(column) holds a message of role \(answer.role.rawValue), expected "
                        + "an answer")
            }
            return .messages(before: [], answer: answer)
        }
        let expected = isAlpaca ? "a text" : "a message"
        guard !readsAsReference else { return .none(Self.wrong(column, value, expected)) }
        let items = value.arrayValue ?? [value]
        if let reader = reader(for: items) {
            let (system, turns) = try answers(items, reader, record, &sample)
            if !sample.adopt(system: system ?? "") { sample.noteUnread(.otherSystem) }
            guard let last = turns.last, last.isAnswer else {
                return .none("the column \(column) holds messages that end with no answer")
            }
            return .messages(before: turns.dropLast(), answer: last)
        }
        // Content in parts, as chat completions have it.
        let texts = items.map { $0["type"]?.stringValue == "text" ? $0["text"]?.stringValue : nil }
        if !texts.isEmpty, !texts.contains(nil) {
            return .messages(
                before: [], answer: Message(.assistant, texts.compactMap(\.self).joined()))
        }
        let several = items.count > 1 && items.allSatisfy { $0.stringValue != nil }
        return .none(
            Self.wrong(column, value, expected)
                + (several ? ": of several answers each needs a row of its own" : ""))
    }

    /// Adds the answer of a column to messages that end with a question.
    func addAnswer(
        to turns: inout [Message], _ record: Record, _ sample: inout AlignedSample
    ) throws {
        let column = description.columns.response
        guard !description.isRanking, sample.fault == nil, let column,
            let value = value(column, record), !value.isNothing
        else { return }
        if turns.count % 2 == 1 {
            switch try answer(column, record, &sample) {
            case .none(let reason): sample.fault = reason
            case .messages(let before, let answer):
                if let prompt = Self.prompt(turns, before) {
                    turns = prompt + [answer]
                } else {
                    sample.fault = "the column \(column) begins with other messages than the row"
                }
            }
        } else if !sample.isCopied(in: JSONValue.Member(column, value), self, turns) {
            sample.noteUnread(.column(column))
        }
    }

    /// Takes the answer away that a dialogue ends with where it is that of a pair, which is often there
    /// twice.
    func dropAnswer(
        from turns: inout [Message], _ record: Record, _ sample: inout AlignedSample
    ) throws {
        guard description.isRanking, sample.fault == nil, let last = turns.last,
            turns.count.isMultiple(of: 2)
        else { return }
        for column in [description.columns.chosen, description.columns.rejected] {
            // What is wrong with an answer is said where the pair is read.
            var other = sample
            if case .messages(_, let answer) = try answer(column, record, &other),
                answer.unweighted == last.unweighted
            {
                turns.removeLast()
                return
            }
        }
    }

    /// Gives the row a better and a worse answer.
    func addPair(_ prompt: [Message], _ record: Record, to sample: inout AlignedSample) throws {
        let columns = description.columns
        let areTranscripts = hasTranscripts(record)
        func read(_ column: String?) throws -> Answer {
            try areTranscripts
                ? answer(ofTranscript: column, record) : answer(column, record, &sample)
        }
        let (chosen, rejected) = (try read(columns.chosen), try read(columns.rejected))
        switch (chosen, rejected) {
        case (.none(let reason), _), (_, .none(let reason)): sample.answerFault = reason
        case (.messages(let before, let better), .messages(let other, let worse)):
            sample.response = [better, worse]
            sample.prompt = prompt
            guard
                before.isEmpty || other.isEmpty
                    || before.map(\.unweighted) == other.map(\.unweighted)
            else {
                sample.answerFault =
                    "the messages before the answers of \(columns.chosen ?? "?") and "
                    + "\(columns.rejected ?? "?") are not the same"
                sample.response = []
                return
            }
            let begun = before.count >= other.count ? before : other
            if !begin(with: begun, columns.chosen, &sample) { sample.response = [] }
        }
    }

    /// Brings the prompt of a row together with the messages that stand before an answer in its column;
    /// where they do not fit the row has a fault.
    func begin(
        with before: [Message], _ column: String?, _ sample: inout AlignedSample
    ) -> Bool {
        if let prompt = Self.prompt(sample.prompt, before) {
            sample.prompt = prompt
            return true
        }
        sample.answerFault =
            "the column \(column ?? "?") begins with other messages than the prompt"
        return false
    }

    /// A prompt, together with the messages before an answer; nil where the two are not of one dialogue.
    ///
    /// The prompt, or its end, is often there twice: by itself and before each answer.
    private static func prompt(_ prompt: [Message], _ before: [Message]) -> [Message]? {
        let isEmpty = prompt.allSatisfy { $0.role == .user && $0.content.isEmpty }
        if isEmpty, !before.isEmpty { return before }
        let (asked, begun) = (prompt.map(\.unweighted), before.map(\.unweighted))
        if begun.starts(with: asked) || begun.ends(with: asked) { return before }
        return asked.ends(with: begun) ? prompt : nil
    }

    /// Whether an answer was found good; nil where no column says so. What is neither true nor false is
    /// noted as the reason why the row has no marked answer.
    func mark(_ record: Record, _ sample: inout AlignedSample) -> Bool? {
        guard let column = description.columns.ktoTag else { return nil }
        let value = value(column, record) ?? .null
        if let mark = readsAsReference ? value.boolValue : value.truth { return mark }
        let words = value.stringValue.map { "the text \($0.prefix(40))" } ?? value.kind
        sample.answerFault = "the column \(column) holds \(words), expected true or false"
        return nil
    }

    /// Whether a value is a message with the keys of the description.
    private func hasTags(_ value: JSONValue) -> Bool {
        value[reader.roleKey] != nil && value[reader.contentKey] != nil
    }

    /// A reader of messages with the keys that they have: those of the description, or one of the two
    /// usual pairs; nil where the values are no messages.
    func reader(for items: [JSONValue]) -> MessageReader? {
        guard let first = items.first, items.allSatisfy({ $0.members != nil }) else { return nil }
        if hasTags(first), description.formatting != .alpaca { return reader }
        for tags in [DatasetDescription.Tags.openAI, DatasetDescription.Tags()] {
            let reader = reader(tags)
            guard first[reader.roleKey]?.stringValue != nil else { continue }
            return first[reader.contentKey] == nil && first["tool_calls"] == nil ? nil : reader
        }
        return nil
    }

    /// A message by itself.
    private func message(
        _ value: JSONValue, _ reader: MessageReader, _ record: Record,
        _ sample: inout AlignedSample
    ) throws -> Message {
        let written = try reader.read(value, record)
        guard let role = reader.role(written.role, at: 1) else {
            throw FledgeError(
                .data,
                "A row of the data set \(description.name) does not fit: an answer has the role "
                    + "\(written.role), expected \(reader.tags.assistant ?? "assistant").",
                at: record.location)
        }
        note(written, role, &sample)
        return try message(written, role, record)
    }

    /// Messages of an answer: a list that need not begin with a question.
    private func answers(
        _ items: [JSONValue], _ reader: MessageReader, _ record: Record,
        _ sample: inout AlignedSample
    ) throws -> (system: String?, turns: [Message]) {
        guard items.count > 1 else {
            return (nil, try items.map { try message($0, reader, record, &sample) })
        }
        return try turns(items, reader, record, into: &sample)
    }

    /// Words for a row of which nothing says where its answer stands. The kinds are told because a file
    /// without a description is judged by columns that hold texts.
    private static func nameless(_ record: Record) -> String {
        let found = (record.value.members ?? []).map { "\($0.key) (\($0.value.kind))" }
        return "no column is known to hold its answer: found \(found.listed), expected a text that "
            + "\"columns\" in dataset_info.json names"
    }

    static func wrong(_ column: String, _ value: JSONValue, _ expected: String) -> String {
        "the column \(column) holds \(value.kind), expected \(expected)"
    }
}

extension Message {
    /// Whether it is something that a model says.
    fileprivate var isAnswer: Bool { role == .assistant || role == .function }

    /// What is said, whatever it counts.
    fileprivate var unweighted: Message {
        var message = self
        message.weight = 1
        return message
    }
}

extension Array where Element: Equatable {
    fileprivate func ends(with other: [Element]) -> Bool {
        suffix(other.count).elementsEqual(other)
    }
}
