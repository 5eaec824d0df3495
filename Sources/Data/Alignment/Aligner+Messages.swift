internal import FledgeColumnar
import FledgeCore
import FledgeTokenize

/// Rows that are lists of messages.
extension Aligner {
    /// Questions and answers in turn, as ShareGPT exports them or in the form of OpenAI's chat
    /// completions.
    ///
    /// The two forms differ in the keys and roles that they have by default, and in what the reference
    /// makes of them.
    func dialogue(_ record: Record) throws -> AlignedSample {
        let column = description.columns.messages ?? "conversations"
        let found = value(column, record) ?? .null
        guard let items = found.arrayValue else {
            throw unexpected(record, column, found, "a list of messages")
        }
        var sample = AlignedSample(prompt: [], response: [])
        var (system, turns) = try self.turns(
            items, reader, record, readsMask: !readsAsReference, into: &sample)
        let apart = try text(description.columns.system, record)
        sample.system = system ?? apart
        sample.hasEmptySystem = system?.isEmpty == true && !readsAsReference
        // As in the reference the message counts, and the column is lost.
        if let system, !apart.isEmpty, apart != system, let column = description.columns.system {
            sample.noteUnread(.column(column))
        }
        if !readsAsReference {
            try addAnswer(to: &turns, record, &sample)
            try dropAnswer(from: &turns, record, &sample)
        }
        try divide(turns, record, into: &sample)
        return sample
    }

    /// Messages as turns: results of tools that follow each other are one, and where a role cannot stand
    /// the sample has a fault. A system text that they begin with is apart.
    ///
    /// - Parameter readsMask: Whether the column of marks is about these messages.
    func turns(
        _ items: [JSONValue], _ reader: MessageReader, _ record: Record, readsMask: Bool = false,
        into sample: inout AlignedSample
    ) throws -> (system: String?, turns: [Message]) {
        let isOpenAI = description.formatting == .openai
        let masks = readsMask ? lossMask(record, count: items.count, &sample) : []
        // A mask of nothing but ones says no more than none.
        let isMasking = masks.contains(0)
        var (system, turns, results) = (String?.none, [Message](), [Result]())
        for (index, item) in items.enumerated() {
            let written = try reader.read(item, record)
            let place = turns.count + (results.isEmpty ? 0 : 1)
            let role = reader.role(written.role, at: place)
            if index == 0, role == .system {
                system = written.content ?? ""
                note(written, .system, &sample)
                continue
            }
            guard let role else {
                let fault = Self.unknown(written.role, at: index + 1, reader.tags)
                guard isOpenAI else {
                    sample.fault = fault
                    break
                }
                throw FledgeError(
                    .data, "A row of the data set \(description.name) does not fit: \(fault).",
                    at: record.location)
            }
            note(written, role, &sample)
            let isJoined = role == .observation && (isOpenAI || !readsAsReference)
            let isQuestion = role == .user || role == .observation
            if role == .system || isQuestion != (place % 2 == 0), !(isJoined && !results.isEmpty) {
                sample.fault =
                    "message \(index + 1) has the role \(written.role), which cannot stand there"
                break
            }
            if isJoined {
                results.append(Result(text: written.content ?? "", callID: written.callID))
                continue
            }
            flush(&results, into: &turns)
            var message = try message(written, role, record)
            if index < masks.count {
                message.weight *= masks[index]
                if isMasking, masks[index] > 0, isQuestion { sample.noteUnread(.learnedQuestion) }
            }
            turns.append(message)
        }
        // Results at the end have no answer that could be learned, unless it stands in a column of its
        // own; the form openai leaves them out.
        let columns = description.columns
        let answersApart =
            !readsAsReference
            && (description.isRanking || value(columns.response, record)?.isNothing == false)
        if isOpenAI, !results.isEmpty, !answersApart {
            sample.noteUnread(.member("results of tools that no answer follows"))
        } else {
            flush(&results, into: &turns)
        }
        return (system, turns)
    }

    /// What a tool returned, and to which call.
    private struct Result {
        let text: String
        let callID: String?
    }

    private func flush(_ results: inout [Result], into messages: inout [Message]) {
        if results.isEmpty { return }
        let texts = results.map(\.text)
        if quirks.contains(.toolResultsJoined) {
            messages.append(
                Message(.observation, texts.joined(separator: Self.resultSeparator)))
        } else {
            var message = Message(results: texts)
            let ids = results.compactMap(\.callID)
            if ids.count == results.count { message.callIDs = ids }
            messages.append(message)
        }
        results = []
    }

    /// A message with its calls in the form that templates read.
    func message(
        _ written: WrittenMessage, _ role: Message.Role, _ record: Record
    ) throws -> Message {
        let answers = role == .assistant || role == .function
        guard answers, !written.calls.isEmpty else {
            var message = Message(role, written.content ?? "", weight: written.weight)
            if answers { message.thought = written.thought }
            return message
        }
        var message = Message(
            .function, try callText(written.calls, record), weight: written.weight)
        if !readsAsReference {
            message.textBeforeCall = written.content ?? ""
            message.thought = written.thought
            let ids = written.calls.compactMap { $0["id"]?.stringValue }
            if ids.count == written.calls.count { message.callIDs = ids }
        }
        return message
    }

    /// Notes what of a message is not read.
    func note(
        _ written: WrittenMessage, _ role: Message.Role, _ sample: inout AlignedSample
    ) {
        let answers = role == .assistant || role == .function
        if !answers, written.thought != nil { sample.noteUnread(.member("thoughts")) }
        if !answers, !written.calls.isEmpty { sample.noteUnread(.member("tool_calls")) }
        if !answers, written.isMarkedAsLearned { sample.noteUnread(.learnedQuestion) }
        for name in written.unread
        where KnownNames.reason(member: name, isResult: role == .observation) == nil {
            sample.noteUnread(.member(name))
        }
    }

    /// Marks of all messages in a column of their own; empty where there are none.
    private func lossMask(
        _ record: Record, count: Int, _ sample: inout AlignedSample
    ) -> [Float] {
        guard let marks = record.value[Self.lossMaskColumn], !marks.isNothing else { return [] }
        let values = (marks.arrayValue ?? []).compactMap { mark in
            mark.boolValue.map { $0 ? 1 : 0 }
                ?? mark.doubleValue.flatMap { MessageReader.weightRange.contains($0) ? $0 : nil }
        }
        guard values.count == count, marks.arrayValue?.count == count else {
            sample.noteUnread(.column(Self.lossMaskColumn))
            return []
        }
        return values.map { Float($0) }
    }

    /// The column that marks messages as learned or not, one number each.
    static let lossMaskColumn = "loss_mask"

    static func unknown(
        _ name: String, at number: Int, _ tags: DatasetDescription.Tags
    ) -> String {
        let known = [tags.user, tags.assistant, tags.observation, tags.function, tags.system]
        return "message \(number) has the role \(name), expected one of "
            + known.compactMap(\.self).listed
    }
}

extension Aligner {
    /// Tells the answer from what precedes it.
    func divide(
        _ messages: [Message], _ record: Record, into sample: inout AlignedSample
    ) throws {
        let isOdd = messages.count % 2 == 1
        if sample.fault == nil, isOdd, description.takesQuestions, !description.isRanking {
            sample.prompt = messages
            return
        }
        if sample.fault == nil, isOdd != description.isRanking {
            let (found, expected) =
                isOdd ? ("a question", "its answer") : ("an answer", "a question")
            sample.fault =
                messages.isEmpty
                ? "it has no messages but a system text, expected a question"
                : "it ends with \(found) (turn \(messages.count)), expected \(expected)"
        }
        if sample.fault != nil { return }
        if let isDesirable = mark(record, &sample), let last = messages.last {
            sample.prompt = Array(messages.dropLast())
            sample.mark(last, isDesirable: isDesirable)
        } else if description.isRanking {
            try addPair(messages, record, to: &sample)
        } else {
            sample.prompt = Array(messages.dropLast())
            sample.response = Array(messages.suffix(1))
        }
    }
}
