import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// What rows lack, or say twice, is told in words that name what was found and what was expected.
@Suite struct RowWordTests {
    private static let messages: JSONValue = [
        "formatting": "openai", "columns": ["messages": "messages", "system": "system"],
    ]
    private static let question = #"{"role": "user", "content": "a"}"#
    private static let answer = #"{"role": "assistant", "content": "b"}"#

    private func row(
        _ messages: [String], system: String = "", ranking: Bool = false
    ) throws -> AlignedSample {
        var entry = Self.messages
        if ranking {
            entry["ranking"] = true
            entry["columns"] = [
                "messages": "messages", "system": "system", "chosen": "good", "rejected": "bad",
            ]
        }
        let answers = #""good": "x", "bad": "y", "#
        return try MessageMemberTests.align(
            #"{"system": "\#(system)", \#(ranking ? answers : "")"messages": [\#(messages.joined(separator: ", "))]}"#,
            entry)
    }

    @Test func dialoguesWithoutTheirEndSayWhatIsThere() throws {
        let (question, answer) = (Self.question, Self.answer)
        #expect(try row([question, answer]).fault == nil)
        #expect(
            try row([question]).fault == "it ends with a question (turn 1), expected its answer")
        #expect(
            try row([question, answer, question]).fault
                == "it ends with a question (turn 3), expected its answer")
        #expect(
            try row([question, answer], ranking: true).fault
                == "it ends with an answer (turn 2), expected a question")
        let system = #"{"role": "system", "content": "s"}"#
        for none in [[], [system]] {
            var report = DataReport()
            let processor = try SupervisedProcessor(
                tokenizer: ToyTokenizer(), template: ToyTokenizer.template(efficientEnd: false))
            #expect(try processor.sample(row(none), &report) == nil)
            #expect(report.dropped[0].reason.contains("it has no messages"))
            #expect(try row(none, ranking: true).fault?.hasSuffix("expected a question") == true)
        }
    }

    @Test func aSystemColumnThatTheMessagesContradictIsNamed() throws {
        let turns = [Self.question, Self.answer]
        let system = #"{"role": "system", "content": "s"}"#
        let apart = try row(turns, system: "t")
        #expect(apart.system == "t" && apart.unread.isEmpty)
        let both = try row([system] + turns, system: "t")
        #expect(both.system == "s" && both.unread == [.column("system")])
        for harmless in ["", "s"] {
            let same = try row([system] + turns, system: harmless)
            #expect(same.system == "s" && same.unread.isEmpty)
        }
    }

    @Test(arguments: [("4", "a number"), ("null", "null"), ("[1]", "an array")])
    func answersThatNoColumnHoldsAreToldWithWhatWasFound(value: String, kind: String) throws {
        let entry: JSONValue = ["columns": ["prompt": "prompt"]]
        let row = try MessageMemberTests.align(#"{"prompt": "a", "output": \#(value)}"#, entry)
        let reason = row.answerFault ?? ""
        for word in ["prompt (a string)", "output (\(kind))", "expected", "dataset_info.json"] {
            #expect(reason.contains(word), "\(reason)")
        }
    }
}
