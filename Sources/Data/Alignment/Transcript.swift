internal import FledgeColumnar
import FledgeCore
import FledgeTokenize

/// A whole dialogue in one text, as the rows of HH-RLHF are written: `Human: …` and `Assistant: …`, each
/// behind an empty line.
struct Transcript {
    /// The turns in their order, without white space around them.
    let turns: [Message]

    private static let speakers: [(name: [UInt8], role: Message.Role)] = [
        (Array("Human:".utf8), .user), (Array("Assistant:".utf8), .assistant),
    ]

    /// Reads a text; nil where it is none that begins with `Human:` and has an answer.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        /// Who speaks from a place on, and where what is said begins.
        func turn(at place: Int) -> (role: Message.Role, start: Int)? {
            for (name, role) in Self.speakers where bytes[place...].starts(with: name) {
                return (role, place + name.count)
            }
            return nil
        }
        let lineFeed = UInt8(ascii: "\n")
        guard let first = bytes.firstIndex(where: { !$0.isWhiteSpace }),
            var current = turn(at: first), current.role == .user
        else { return nil }
        var turns = [Message]()
        func end(_ place: Int) {
            let said = bytes[current.start..<place].drop(while: \.isWhiteSpace).reversed()
                .drop(while: \.isWhiteSpace).reversed()
            turns.append(Message(current.role, String(decoding: Array(said), as: UTF8.self)))
        }
        var place = current.start
        while place + 2 < bytes.count {
            if bytes[place] == lineFeed, bytes[place + 1] == lineFeed,
                let next = turn(at: place + 2)
            {
                end(place)
                (current, place) = (next, next.start)
            } else {
                place += 1
            }
        }
        end(bytes.count)
        guard turns.contains(where: { $0.role == .assistant }) else { return nil }
        self.turns = turns
    }

    /// Why the text is no question, or several, with an answer at its end.
    var fault: String? {
        for (index, turn) in turns.enumerated() where (turn.role == .user) != (index % 2 == 0) {
            let name = turn.role == .user ? "Human" : "Assistant"
            return
                "a dialogue in which \(name) speaks twice without a word between (turn \(index + 1))"
        }
        return turns.count.isMultiple(of: 2) ? nil : "a dialogue that ends with Human"
    }
}

extension Aligner {
    /// Whether both answers of a row are whole dialogues in one text each, of which nothing else is the
    /// question.
    ///
    /// The reference learns such texts whole, with both sides of the dialogue; so does
    /// `reference_quirks: message_members`.
    func hasTranscripts(_ record: Record) -> Bool {
        let columns = description.columns
        guard description.isRanking, description.formatting == .alpaca, !readsAsReference,
            [columns.prompt, columns.query, columns.history].allSatisfy({
                value($0, record)?.isNothing ?? true
            })
        else { return false }
        return [columns.chosen, columns.rejected].allSatisfy {
            value($0, record)?.stringValue.flatMap(Transcript.init) != nil
        }
    }

    /// The answer at the end of a column that is a whole dialogue, and the turns before it.
    func answer(ofTranscript column: String?, _ record: Record) -> Answer {
        guard let column, let text = value(column, record)?.stringValue,
            let transcript = Transcript(text), let answer = transcript.turns.last
        else { return .none("the column \(column ?? "?") holds no dialogue") }
        if let fault = transcript.fault { return .none("the column \(column) holds \(fault)") }
        return .messages(before: transcript.turns.dropLast(), answer: answer)
    }
}
