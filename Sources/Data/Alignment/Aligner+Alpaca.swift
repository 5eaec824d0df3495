internal import FledgeColumnar
import FledgeCore
import FledgeTokenize

extension Aligner {
    /// A question in columns, perhaps with earlier turns, and its answer.
    func alpaca(_ record: Record) throws -> AlignedSample {
        let columns = description.columns
        var sample = AlignedSample(prompt: [], response: [])
        let history = try history(record, &sample)
        let question = try question(record, &sample)
        let prompt = history.isEmpty ? question : history + question
        let apart = try text(columns.system, record)
        if !sample.adopt(system: apart), let column = columns.system {
            sample.noteUnread(.column(column))
        }
        sample.prompt = prompt
        if let index = prompt.indices.first(where: { prompt[$0].isQuestion != ($0 % 2 == 0) }) {
            sample.fault =
                "of its history and prompt message \(index + 1) has the role "
                + "\(prompt[index].role.rawValue), which cannot stand there"
        }
        if sample.fault != nil { return sample }
        if let isDesirable = mark(record, &sample) {
            if readsAsReference {
                let answer = Message(.assistant, try text(columns.response, record))
                sample.mark(answer, isDesirable: isDesirable)
                return sample
            }
            switch try answer(columns.response, record, &sample) {
            case .none(let reason): sample.answerFault = reason
            case .messages(let before, let answer):
                guard begin(with: before, columns.response, &sample) else { return sample }
                sample.mark(answer, isDesirable: isDesirable)
            }
        } else if description.isRanking {
            try addPair(prompt, record, to: &sample)
        } else {
            switch try answer(columns.response, record, &sample) {
            case .none(let reason): sample.answerFault = sample.answerFault ?? reason
            case .messages(let before, let answer):
                guard begin(with: before, columns.response, &sample) else { return sample }
                sample.response = [answer]
            }
        }
        return sample
    }

    /// Earlier turns: pairs of a question and its answer, or messages.
    private func history(_ record: Record, _ sample: inout AlignedSample) throws -> [Message] {
        let column = description.columns.history
        guard let value = value(column, record) else { return [] }
        guard let turns = value.arrayValue else {
            if value.isNothing || readsAsReference { return [] }
            throw unexpected(record, column, value, "a list of questions and answers")
        }
        if !readsAsReference, let reader = reader(for: turns) {
            let (system, messages) = try self.turns(turns, reader, record, into: &sample)
            sample.adopt(system: system ?? "")
            return messages
        }
        return try turns.flatMap { turn in
            guard let pair = turn.arrayValue, pair.count == 2,
                let question = pair[0].stringValue, let answer = pair[1].stringValue
            else {
                throw unexpected(record, column, turn, "a list of a question and its answer")
            }
            return [Message(.user, question), Message(.assistant, answer)]
        }
    }

    /// The question: texts of two columns, or messages.
    private func question(_ record: Record, _ sample: inout AlignedSample) throws -> [Message] {
        let columns = description.columns
        if !readsAsReference, let items = value(columns.prompt, record)?.arrayValue,
            let reader = reader(for: items), try text(columns.query, record).isEmpty
        {
            let (system, messages) = try turns(items, reader, record, into: &sample)
            // What is asked counts more than what was said before.
            let before = sample.system
            sample.system = system ?? ""
            if !sample.adopt(system: before) { sample.noteUnread(.otherSystem) }
            return messages
        }
        let texts = try [text(columns.prompt, record), text(columns.query, record)]
        return [Message(.user, texts.filter { !$0.isEmpty }.joined(separator: "\n"))]
    }
}

extension Message {
    /// Whether it is something that a model answers.
    fileprivate var isQuestion: Bool { role == .user || role == .observation }
}
