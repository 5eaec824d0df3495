import FledgeColumnar
import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// What stands in a row twice: copies are harmless, and of what contradicts the rest is named.
@Suite struct ContradictionTests {
    static let alpaca: JSONValue = [
        "columns": ["prompt": "prompt", "response": "chosen", "system": "system"]
    ]
    static let messages: JSONValue = [
        "formatting": "openai",
        "columns": ["messages": "messages", "response": "answer", "system": "system"],
    ]
    static let pairs: JSONValue = [
        "formatting": "openai", "ranking": true,
        "columns": ["messages": "messages", "chosen": "chosen", "rejected": "rejected"],
    ]

    private func align(_ row: String, _ entry: JSONValue) throws -> AlignedSample {
        var entry = entry
        let members = try JSONValue(parsing: row)
        for meaning in ["system", "response"] {
            guard let column = entry["columns"]?[meaning]?.stringValue else { continue }
            if members[column] == nil { entry["columns"]?[meaning] = nil }
        }
        return try MessageMemberTests.align(row, entry)
    }

    @Test(arguments: [
        #"[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"user","content":"2+2?"},{"role":"assistant","content":"4"}]"#,
        #"[{"role":"assistant","content":"4"}]"#, #""4""#,
        #"[{"role":"user","content":"2+2?"},{"role":"assistant","content":"4"}]"#,
    ]) func messagesBeforeAnAnswerAreNotLost(_ answer: String) throws {
        let count = answer.contains("Hello") ? 3 : 1
        let sample = try align(#"{"prompt":"2+2?","chosen":\#(answer)}"#, Self.alpaca)
        #expect(sample.prompt.count == count)
        #expect(sample.prompt.last?.content == "2+2?")
        #expect(sample.response.map(\.content) == ["4"])
        #expect(sample.answerFault == nil)
    }

    @Test func otherMessagesThanThePromptAreAFault() throws {
        let sample = try align(
            #"""
            {"prompt":"2+2?","chosen":[{"role":"user","content":"Who?"},
            {"role":"assistant","content":"4"}]}
            """#, Self.alpaca)
        #expect(sample.response.isEmpty)
        #expect(sample.answerFault?.contains("other messages than the prompt") == true)
    }

    @Test func systemTextsThatContradictAreNamed() throws {
        let asked =
            #"[{"role":"system","content":"A"},{"role":"user","content":"Q"}]"#
        let sample = try align(
            #"{"prompt":\#(asked),"chosen":"x","system":"B"}"#, Self.alpaca)
        #expect(sample.system == "A")
        #expect(sample.unread == [.column("system")])
        let same = try align(#"{"prompt":\#(asked),"chosen":"x","system":"A"}"#, Self.alpaca)
        #expect(same.unread.isEmpty)
        let answer =
            #"[{"role":"system","content":"C"},{"role":"user","content":"Q"},{"role":"assistant","content":"x"}]"#
        let pair = try align(
            #"{"messages":\#(asked),"chosen":\#(answer),"rejected":{"role":"assistant","content":"y"}}"#,
            Self.pairs)
        #expect(pair.system == "A")
        #expect(pair.unread.count == 1)
    }

    @Test func aColumnThatIsNamedAndNotReadIsNamed() throws {
        let turns =
            #"[{"role":"user","content":"Q"},{"role":"assistant","content":"x"}]"#
        let other = try align(#"{"messages":\#(turns),"answer":"y"}"#, Self.messages)
        #expect(other.unread == [.column("answer")])
        let copy = try align(#"{"messages":\#(turns),"answer":"x"}"#, Self.messages)
        #expect(copy.unread.isEmpty)
        let masked = try align(#"{"prompt":"Q","chosen":"x","loss_mask":[0]}"#, Self.alpaca)
        #expect(masked.unread == [.column("loss_mask")])
    }

    @Test func copiesAreHarmless() throws {
        let whole = try align(
            #"{"prompt":"Why now?","chosen":"So.","text":"Ask:\nWhy now?\nSay:\nSo."}"#,
            Self.alpaca)
        #expect(whole.unread.isEmpty)
        let first = try align(
            #"{"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"x"}],"prompt":"Q"}"#,
            Self.messages)
        #expect(first.unread.isEmpty)
        let list = try align(
            #"{"prompt":"Q","chosen":"x","messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"x"}]}"#,
            Self.alpaca)
        #expect(list.unread.isEmpty)
        let other = try align(#"{"prompt":"Q","chosen":"x","note":"Say Q."}"#, Self.alpaca)
        #expect(other.unread == [.column("note")])
    }

    @Test func whatStandsTwiceUnderOneNameIsNamed() throws {
        let sample = try align(#"{"prompt":"Q","chosen":"x","chosen":"y"}"#, Self.alpaca)
        #expect(sample.response.map(\.content) == ["y"])
        #expect(sample.unread.count == 1)
        let member = try align(
            #"{"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"x","content":"y"}]}"#,
            Self.messages)
        #expect(member.unread.count == 1)
        let equal = try align(#"{"prompt":"Q","chosen":"x","chosen":"x"}"#, Self.alpaca)
        #expect(equal.unread.isEmpty)
    }

    @Test func marksToLearnQuestionsAreNamed() throws {
        for mark in [#""train":true"#, #""loss":1"#] {
            let sample = try align(
                #"{"messages":[{"role":"user","content":"Q",\#(mark)},{"role":"assistant","content":"x"}]}"#,
                Self.messages)
            #expect(sample.unread.count == 1, "\(mark)")
        }
        let column = try align(
            #"{"messages":[{"role":"user","content":"Q"},{"role":"assistant","content":"x"}],"loss_mask":[1,0]}"#,
            Self.messages)
        #expect(column.unread.count == 1)
        let plain = try align(
            #"{"messages":[{"role":"user","content":"Q","train":false},{"role":"assistant","content":"x","train":true}],"loss_mask":[0,1]}"#,
            Self.messages)
        #expect(plain.unread.isEmpty)
    }

    @Test(arguments: ["1e300", "1e39", "-1", "1000001"])
    func weightsThatNoNumberCanHoldAreErrors(_ weight: String) throws {
        let turns = #"{"role":"user","content":"Q"}"#
        #expect(throws: FledgeError.self) {
            try align(
                #"{"messages":[\#(turns),{"role":"assistant","content":"x","weight":\#(weight)}]}"#,
                Self.messages)
        }
        let masked = try align(
            #"{"messages":[\#(turns),{"role":"assistant","content":"x"}],"loss_mask":[0,\#(weight)]}"#,
            Self.messages)
        #expect(masked.unread == [.column("loss_mask")])
    }

    @Test func resultsBeforeAnswersInColumnsAreAsked() throws {
        let turns = #"""
            [{"role":"user","content":"Q"},{"role":"assistant","content":null,"tool_calls":
            [{"function":{"name":"f","arguments":"{}"}}]},{"role":"tool","content":"7"}]
            """#
        let pair = try align(
            #"{"messages":\#(turns),"chosen":{"role":"assistant","content":"x"},"rejected":{"role":"assistant","content":"y"}}"#,
            Self.pairs)
        #expect(pair.fault == nil)
        #expect(pair.prompt.map(\.role) == [.user, .function, .observation])
        #expect(pair.response.map(\.content) == ["x", "y"])
        let single = try align(#"{"messages":\#(turns),"answer":"x"}"#, Self.messages)
        #expect(single.prompt.last?.content == "7")
    }

    @Test func aThoughtThatStandsTwiceIsOne() throws {
        let sample = try align(
            #"{"messages":[{"role":"user","content":"Q"},{"role":"assistant","reasoning_content":"X","content":[{"type":"thinking","thinking":"X"},{"type":"text","text":"y"}]}]}"#,
            Self.messages)
        #expect(sample.response.first?.thought == "X")
        #expect(sample.unread.isEmpty)
    }

    @Test func faultsOfOneCodeAreToldApart() throws {
        let template = try TemplateCatalog.named("llama2")
        var (thought, text) = (
            Message(.assistant, "x"), Message(.function, #"{"name":"f","arguments":"no"}"#)
        )
        thought.thought = "why"
        text.textBeforeCall = "Wait."
        let rows = [thought, text].map {
            AlignedSample(prompt: [Message(.user, "Q")], response: [$0])
        }
        let faults = RowChecks(template: template).faults(in: rows)
        #expect(faults.count { $0.code == .unwrittenText } == 2)
        #expect(faults.count { $0.code == .brokenArguments } == 1)
    }

    @Test func idsOfCallsAndResultsAreRead() throws {
        let turns = #"""
            [{"role":"user","content":"Q"},{"role":"assistant","content":null,"tool_calls":
            [{"id":"c1","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"c1","content":"7"},{"role":"assistant","content":"x"}]
            """#
        let sample = try align(#"{"messages":\#(turns)}"#, Self.messages)
        #expect(sample.prompt.map(\.callIDs) == [[], ["c1"], ["c1"]])
        #expect(sample.unread.isEmpty)
    }
}
