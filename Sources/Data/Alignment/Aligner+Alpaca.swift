internal import FledgeColumnar
import FledgeCore
import FledgeTokenize

extension Aligner {
    /// A question in columns, perhaps with earlier turns, and its answer.
    func alpaca(_ record: Record) throws -> AlignedSample {
        let columns = description.columns
        var prompt = [Message]()
        if let turns = value(columns.history, record)?.arrayValue {
            for turn in turns {
                guard let pair = turn.arrayValue, pair.count == 2,
                    let question = pair[0].stringValue, let answer = pair[1].stringValue
                else {
                    throw unexpected(
                        record, columns.history, turn, "a list of a question and its answer")
                }
                prompt += [Message(.user, question), Message(.assistant, answer)]
            }
        }
        let query = try [text(columns.prompt, record), text(columns.query, record)]
        prompt.append(
            Message(.user, query.filter { !$0.isEmpty }.joined(separator: "\n")))
        var sample = AlignedSample(
            prompt: prompt, response: [], system: try text(columns.system, record))
        if let tag = value(columns.ktoTag, record)?.boolValue {
            sample.mark(Message(.assistant, try text(columns.response, record)), isDesirable: tag)
        } else if description.isRanking, let chosen = value(columns.chosen, record)?.stringValue,
            let rejected = value(columns.rejected, record)?.stringValue
        {
            sample.response = [Message(.assistant, chosen), Message(.assistant, rejected)]
        } else if let answer = value(columns.response, record)?.stringValue {
            sample.response = [Message(.assistant, answer)]
        }
        return sample
    }
}
