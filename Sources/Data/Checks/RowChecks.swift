import FledgeCore
public import FledgeTokenize

/// Looks for faults in the texts of rows, before any tokenizer is involved.
public struct RowChecks: Sendable {
    /// What begins turns in templates of all families; none of it belongs into a message.
    private static let turnMarks = ByteMarks([
        "<|im_start|>", "<|start_header_id|>", "[INST]", "<<SYS>>", "<start_of_turn>", "<｜User｜>",
        "<｜Assistant｜>", "<|START_OF_TURN_TOKEN|>", "<|start_of_role|>",
    ])
    /// What ends turns and whole texts.
    private static let ends = [
        "<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "<|im_end|>", "<|eot_id|>",
        "<end_of_turn>", "<|END_OF_TURN_TOKEN|>",
    ].map { Array($0.utf8) }
    /// U+FFFD, and UTF-8 that was read as Latin-1.
    private static let brokenMarks = ByteMarks([
        "\u{FFFD}", "Ã©", "Ã¨", "Ã¼", "Ã¶", "Ã¤", "â€™", "â€œ",
    ])
    private static let speakers = ByteMarks(["\n\nAssistant:", "\n\nHuman:"])
    private static let thoughts = ByteMarks(["<think>", "</think>"])

    private let template: ChatTemplate
    private let answerCount: Int
    private let readsTextAlone: Bool
    private let learnsQuestions: Bool

    /// Creates checks.
    ///
    /// - Parameters:
    ///   - template: How rows will be written.
    ///   - answerCount: Answers of a row: 1, 2 in preference data, 0 where none are learned.
    ///   - readsTextAlone: Whether nothing of a row is read but its first text, as in pre-training.
    ///   - learnsQuestions: Whether questions are learned too, so that marks on them count.
    public init(
        template: ChatTemplate, answerCount: Int = 1, readsTextAlone: Bool = false,
        learnsQuestions: Bool = false
    ) {
        (self.template, self.answerCount) = (template, answerCount)
        (self.readsTextAlone, self.learnsQuestions) = (readsTextAlone, learnsQuestions)
    }

    /// The faults of rows, and of rows for evaluation, which may be the same ones.
    public func faults(
        in trained: [AlignedSample], evaluation: [AlignedSample] = []
    ) -> [DataFault] {
        let rows = trained + evaluation
        var found = FaultCollector()
        for row in rows where row.fault == nil {
            found.beginRow()
            check(row, &found)
        }
        let whole = trained.filter { $0.fault == nil && !$0.prompt.isEmpty }
        // A few broken characters are in every large collection of texts.
        let faults = found.faults.filter {
            $0.code != .brokenEncoding || $0.count * 20 > rows.count
        }
        return faults + unread(rows) + repetitions(whole)
    }

    /// What rows hold and nothing reads, by its name.
    private func unread(_ rows: [AlignedSample]) -> [DataFault] {
        var (order, found) = ([UnreadName](), [UnreadName: DataFault]())
        var count = 0
        for row in rows where !row.unread.isEmpty {
            if order.count > 10 { count += 1 }
            for name in row.unread where name != .learnedQuestion || !learnsQuestions {
                if found[name] == nil {
                    order.append(name)
                    found[name] = .unread(name)
                }
                found[name]?.add(row.source)
            }
        }
        var faults = order.prefix(10).compactMap { found[$0] }
        if order.count > faults.count {
            let names = order.dropFirst(faults.count).map(\.text)
            faults.append(
                DataFault(
                    .unreadColumn, "These are not read either: \(names.listed).",
                    advice: "Describe the rows in dataset_info.json.", count: count))
        }
        return faults
    }

    private func check(_ row: AlignedSample, _ found: inout FaultCollector) {
        let texts = (row.prompt + row.response).flatMap(\.texts) + [row.system]
        if texts.contains(where: Self.turnMarks.occur) {
            found.add(
                .templatedContent, "Messages hold the marks of turns, such as <|im_start|>.",
                advice: "Give plain messages: the template writes the marks.", row)
        }
        if texts.contains(where: Self.brokenMarks.occur) {
            found.add(
                .brokenEncoding, "Texts hold characters that were decoded wrongly.",
                advice: "Write the file again as UTF-8.", row)
        }
        if readsTextAlone {
            if row.prompt.count + row.response.count > 1 || !row.system.isEmpty {
                found.add(
                    .unreadColumn,
                    "Rows hold answers, further messages or a system text: of each row the first text "
                        + "alone is learned in pre-training.",
                    advice: "Name the column of the whole text as prompt, and no other column.", row
                )
            }
        } else {
            checkWriting(row, &found)
            checkCalls(row, &found)
        }
        guard answerCount > 0 else { return checkQuestion(row, nil, &found) }
        // Of a marked answer the other place is empty.
        let answers =
            row.isDesirable.map { [row.response[$0 ? 0 : 1]] } ?? row.response
        checkAnswers(answers, row, &found)
        checkQuestion(row, answers.count == 1 ? answers[0].content : nil, &found)
    }

    /// Whether the template writes all that messages hold apart from their content.
    private func checkWriting(_ row: AlignedSample, _ found: inout FaultCollector) {
        guard
            row.prompt.contains(where: \.hasPartsApart)
                || row.response.contains(where: \.hasPartsApart)
        else { return }
        for message in row.prompt + row.response {
            if let thought = message.thought {
                let isOther =
                    Self.thoughts.occur(in: message.content) && !message.content.contains(thought)
                let writing = template.thoughtWriting(in: message.role)
                if writing == .asText, !isOther {
                    found.add(
                        .unwrittenText,
                        "Answers have thoughts (reasoning_content, reasoning, thinking or thought), which "
                            + "the model's own template does not read: they are written into the text, "
                            + "between <think> and </think>.",
                        advice:
                            "Write them into the content in the form that the model shall learn, "
                            + "choose the template of a reasoning model, or take the thoughts out.",
                        row)
                } else if writing == .none || isOther {
                    found.add(
                        .unwrittenText,
                        isOther
                            ? "Answers have a thought apart from their text (reasoning_content), and "
                                + "another one in it: the first is not written."
                            : "Answers have thoughts (reasoning_content, reasoning, thinking or "
                                + "thought), which the template \(template.name) does not write.",
                        advice: isOther
                            ? "Take one of them out."
                            : "Choose the template of a reasoning model, or take the thoughts out.",
                        row)
                }
            }
            if message.repeatsCalls {
                found.add(
                    .unwrittenText,
                    "Messages have calls in their content that stand in tool_calls too: they are "
                        + "written once.",
                    advice: "Take them out of the content.", row)
            }
            if !message.textBeforeCall.isEmpty, !template.writesTextBeforeCalls {
                found.add(
                    .unwrittenText,
                    "Messages have content beside tool_calls, which the template \(template.name) "
                        + "does not write.",
                    advice: "Choose another template, or move the text into a message of its own.",
                    row)
            }
        }
    }

    /// Whether the arguments of calls are what every template and every reader of answers takes.
    private func checkCalls(_ row: AlignedSample, _ found: inout FaultCollector) {
        for message in row.prompt + row.response where message.role == .function {
            guard let calls = try? JSONValue(parsing: message.content, file: "calls") else {
                continue
            }
            for call in calls.arrayValue ?? [calls] {
                guard let arguments = call["arguments"], arguments.members == nil else { continue }
                found.add(
                    .brokenArguments,
                    "Calls have arguments that are no JSON object: the model learns to write "
                        + "\(arguments.kind) instead.",
                    advice: "Correct the arguments, such as {\"city\": \"Rome\"}.", row)
            }
        }
    }

    private func checkAnswers(
        _ answers: [Message], _ row: AlignedSample, _ found: inout FaultCollector
    ) {
        let isEmpty = { (answer: Message) in answer.content.isBlank && answer.weight > 0 }
        if row.isDesirable == false
            ? answers.contains(where: isEmpty) : answers.dropFirst().contains(where: isEmpty)
        {
            found.add(
                .emptyAnswer, "Answers that are to be avoided are empty.",
                advice:
                    "Leave these rows out: the model would learn to say anything rather than nothing.",
                row)
        } else if answers.contains(where: isEmpty) {
            found.add(
                .emptyAnswer, "Answers are empty.",
                advice: "Leave these rows out: the model would learn to say nothing.", row)
        }
        if answers.contains(where: { $0.content.ends(with: Self.ends) }) {
            found.add(
                .doubledEnd, "Answers end with text that looks like the token for the end.",
                advice: "Remove it from the data: the template ends answers.", row)
        }
        if !template.readsThoughts,
            answers.contains(where: { Self.thoughts.occur(in: $0.content) })
        {
            found.add(
                .unexpectedThoughts, "Answers hold thoughts, and the template knows none.",
                advice: "Choose the template of a reasoning model, or remove the thoughts.", row)
        }
        if template.readsThoughts, answers.contains(where: isHalfOpen) {
            found.add(
                .halfOpenThoughts,
                "Thoughts of answers are opened and never closed, or closed twice.",
                advice: "Complete the thoughts, or leave these rows out: the model would learn to "
                    + "end inside of one.", row)
        }
    }

    /// Whether an answer holds other than whole thoughts; one at its beginning that is only closed is
    /// mended by the template.
    private func isHalfOpen(_ answer: Message) -> Bool {
        guard Self.thoughts.occur(in: answer.content) else { return false }
        let marks = answer.content.thoughtMarks(template.thoughtWords)
        let isMended = !template.referenceWays.contains(.halfThoughts)
        let whole = isMended && marks.first == false ? [true] + marks : marks
        return whole.enumerated().contains { $0.element != ($0.offset % 2 == 0) }
            || whole.count % 2 == 1
    }

    private func checkQuestion(
        _ row: AlignedSample, _ answer: String?, _ found: inout FaultCollector
    ) {
        guard let question = row.prompt.last, question.role == .user else { return }
        if question.content.isBlank, row.prompt.count == 1, row.system.isBlank {
            guard !readsTextAlone else {
                return found.add(
                    .emptyQuestion, "Texts are empty.",
                    advice: "Leave these rows or lines out; nothing is learned of them.", row)
            }
            let isTranscript = row.response.allSatisfy { Self.speakers.occur(in: $0.content) }
            found.add(
                .emptyQuestion,
                isTranscript && !row.response.isEmpty
                    ? "Questions are empty, and answers hold whole dialogues (Human: …, Assistant: …)."
                    : "Questions are empty.",
                advice: isTranscript && !row.response.isEmpty
                    ? "Write them as messages, {\"role\": …, \"content\": …} for each turn: so the model "
                        + "would learn to write both sides."
                    : "Check which columns hold the question.", row)
        } else if let answer, question.content.utf8.count > 16,
            answer.utf8.elementsEqual(question.content.utf8)
        {
            found.add(
                .answerRepeatsQuestion, "Answers are copies of their question.",
                advice: "Check which columns hold question and answer.", row)
        }
    }

    /// What only shows over many rows.
    private func repetitions(_ rows: [AlignedSample]) -> [DataFault] {
        guard rows.count >= 20 else { return [] }
        var faults = [DataFault]()
        var seen = [[Message]: Int]()
        var repeated = [AlignedSample]()
        for row in rows {
            if seen[row.prompt + row.response, default: 0] > 0 { repeated.append(row) }
            seen[row.prompt + row.response, default: 0] += 1
        }
        if repeated.count * 2 >= rows.count {
            faults.append(
                DataFault(
                    .duplicateRows, "\(repeated.count) of \(rows.count) rows are repetitions.",
                    advice: "Check whether files or data sets are listed twice.",
                    places: repeated.map(\.source)))
        }
        guard answerCount == 1 else { return faults }
        var answers = [String: Int]()
        for row in rows { answers[row.response.first?.content ?? "", default: 0] += 1 }
        if let (answer, count) = answers.max(by: { $0.value < $1.value }),
            answers.count > 1 ? count * 10 >= rows.count * 9 : count > 0, answer.utf8.count > 24
        {
            faults.append(
                DataFault(
                    .constantAnswer,
                    "\(count) of \(rows.count) answers are the same.",
                    advice: "Check which column holds the answers.",
                    places: rows.filter { $0.response.first?.content == answer }.map(\.source)))
        }
        return faults
    }
}

/// Faults by what they say, each with the rows that it concerns.
struct FaultCollector {
    private var order: [String] = []
    private var texts: [String: (code: DataFault.Code, advice: String)] = [:]
    private var places: [String: [FledgeError.Location]] = [:]
    private var rowNumber = 0
    private var lastRows: [String: Int] = [:]

    /// Begins with the next row.
    mutating func beginRow() { rowNumber += 1 }

    mutating func add(
        _ code: DataFault.Code, _ message: String, advice: String, _ row: AlignedSample
    ) {
        if texts[message] == nil {
            order.append(message)
            texts[message] = (code, advice)
        }
        // A row that has it in several messages counts once.
        guard lastRows.updateValue(rowNumber, forKey: message) != rowNumber else { return }
        places[message, default: []].append(row.source)
    }

    var faults: [DataFault] {
        order.compactMap { message in
            texts[message].map {
                DataFault($0.code, message, advice: $0.advice, places: places[message] ?? [])
            }
        }
    }
}

extension String {
    /// The words around thoughts in their order: true for one that opens.
    fileprivate func thoughtMarks(_ words: ChatTemplate.Words) -> [Bool] {
        let bytes = Array(utf8)
        func word(_ text: String) -> [UInt8] {
            Array(text.utf8.filter { $0 > 0x20 })
        }
        let (open, close) = (word(words.open), word(words.close))
        guard !open.isEmpty, !close.isEmpty else { return [] }
        var marks = [Bool]()
        for start in bytes.indices where bytes[start] == open[0] || bytes[start] == close[0] {
            if bytes[start...].starts(with: open) { marks.append(true) }
            if bytes[start...].starts(with: close) { marks.append(false) }
        }
        return marks
    }

    /// Whether there is nothing but white space.
    fileprivate var isBlank: Bool { utf8.allSatisfy(\.isWhiteSpace) }

    /// Whether one of some parts is the last but white space.
    fileprivate func ends(with parts: [[UInt8]]) -> Bool {
        let written = utf8.reversed().drop(while: \.isWhiteSpace)
        return parts.contains { written.starts(with: $0.reversed()) }
    }
}
