import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Answers, pairs and marks of other kinds than a stage needs are read where they are plain, and named by
/// their column otherwise.
@Suite struct AnswerKindTests {
    private let tokenizer = ToyTokenizer()
    private let template = ToyTokenizer.template(efficientEnd: false)

    private static let pairs: JSONValue = [
        "ranking": true,
        "columns": ["prompt": "prompt", "chosen": "chosen", "rejected": "rejected"],
    ]
    private static let marks: JSONValue = [
        "columns": ["prompt": "prompt", "response": "completion", "kto_tag": "label"]
    ]

    private func align(
        _ row: String, _ entry: JSONValue, _ quirks: ReferenceQuirks = []
    ) throws -> AlignedSample { try MessageMemberTests.align(row, entry, quirks) }

    @Test(arguments: [
        ("4", "a number"), (#"{"sum": 4}"#, "an object"), (#"["4"]"#, "an array"),
        ("null", "null"), ("true", "true or false"), ("[]", "an array"),
    ])
    func answersOfOtherKindsAreNamed(value: String, kind: String) throws {
        let entry: JSONValue = ["columns": ["prompt": "prompt", "response": "completion"]]
        let row = try align(#"{"prompt": "a", "completion": \#(value)}"#, entry)
        var report = DataReport()
        let supervised = try SupervisedProcessor(tokenizer: tokenizer, template: template)
        #expect(try supervised.sample(row, &report) == nil)
        #expect(
            report.dropped[0].reason == "the column completion holds \(kind), expected a text")
        // A stage without answers takes the question all the same.
        let prompts = try PromptProcessor(tokenizer: tokenizer, template: template)
        #expect(try prompts.sample(row, &report) != nil)
        for column in ["chosen", "rejected"] {
            let other = column == "chosen" ? "rejected" : "chosen"
            let row = try align(
                #"{"prompt": "a", "\#(column)": \#(value), "\#(other)": "b"}"#, Self.pairs)
            var report = DataReport()
            let pairwise = try PairwiseProcessor(tokenizer: tokenizer, template: template)
            #expect(try pairwise.sample(row, &report) == nil)
            #expect(
                report.dropped[0].reason == "the column \(column) holds \(kind), expected a text")
        }
        guard kind != "true or false" else { return }
        let marked = try align(
            #"{"prompt": "a", "completion": "b", "label": \#(value)}"#, Self.marks)
        let feedback = try FeedbackProcessor(tokenizer: tokenizer, template: template)
        var dropped = DataReport()
        #expect(try feedback.sample(FeedbackRow(row: marked, other: marked), &dropped) == nil)
        #expect(
            dropped.dropped[0].reason == "the column label holds \(kind), expected true or false")
    }

    @Test func wordsForRowsOfAnotherStage() throws {
        let supervised = try SupervisedProcessor(tokenizer: tokenizer, template: template)
        func reason(_ row: String, _ entry: JSONValue) throws -> String {
            var report = DataReport()
            _ = try supervised.sample(align(row, entry), &report)
            return report.dropped.first?.reason ?? ""
        }
        #expect(
            try reason(#"{"prompt": "a", "completion": "b", "label": true}"#, Self.marks).contains(
                "marked good or bad"))
        #expect(
            try reason(#"{"prompt": "a", "chosen": "b", "rejected": "c"}"#, Self.pairs).contains(
                "two answers"))
        #expect(
            try reason(#"{"prompt": "a"}"#, ["columns": ["prompt": "prompt"]]).contains("no column")
        )
    }

    @Test(arguments: [
        ("true", true), ("false", false), ("\"true\"", true), ("\"False\"", false), ("1", true),
        ("0", false), ("1.0", true),
    ])
    func marksAreReadInTheirForms(value: String, expected: Bool) throws {
        let row = #"{"prompt": "a", "completion": "b", "label": \#(value)}"#
        let sample = try align(row, Self.marks)
        #expect(sample.isDesirable == expected && sample.response.count == 2)
        if !["true", "false"].contains(value) {
            #expect(try align(row, Self.marks, .messageMembers).isDesirable == nil)
        }
        // The same under messages.
        let entry: JSONValue = [
            "formatting": "openai", "columns": ["messages": "m", "kto_tag": "label"],
        ]
        let chat =
            #"{"m": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "label": \#(value)}"#
        #expect(try align(chat, entry).isDesirable == expected)
    }

    @Test(arguments: ["\"yes\"", "2", "-1", "\"good\""]) func otherMarksAreNamed(value: String)
        throws
    {
        let sample = try align(
            #"{"prompt": "a", "completion": "b", "label": \#(value)}"#, Self.marks)
        #expect(sample.isDesirable == nil && sample.answerFault?.contains("column label") == true)
    }

    private func messages(_ turns: (String, String)...) -> String {
        "["
            + turns.map { #"{"role": "\#($0.0)", "content": "\#($0.1)"}"# }.joined(separator: ", ")
            + "]"
    }

    @Test func pairsMayBeListsOfMessages() throws {
        let (a, b) = (("assistant", "b"), ("assistant", "c"))
        let q = ("user", "a")
        func pair(_ prompt: String?, _ chosen: String, _ rejected: String) throws -> AlignedSample {
            let head = prompt.map { "\"prompt\": \($0), " } ?? ""
            var entry = Self.pairs
            if prompt == nil { entry["columns"]?["prompt"] = nil }
            return try align(
                #"{\#(head)"chosen": \#(chosen), "rejected": \#(rejected)}"#, entry)
        }
        let answers = [Message(.assistant, "b"), Message(.assistant, "c")]
        for prompt in ["\"a\"", messages(q), nil] {
            // With the prompt in front of both, or of one.
            let both = try pair(prompt, messages(q, a), messages(q, b))
            #expect(both.prompt == [Message(.user, "a")] && both.response == answers)
            guard prompt != nil else { continue }
            let one = try pair(prompt, messages(q, a), messages(b))
            #expect(one.prompt == [Message(.user, "a")] && one.response == answers)
            let alone = try pair(prompt, messages(a), messages(b))
            #expect(alone.prompt == [Message(.user, "a")] && alone.response == answers)
        }
        // More turns than the prompt has, and a system text.
        let turns = [("system", "s"), q, ("assistant", "x"), ("user", "y")]
        func long(_ last: (String, String)) -> String {
            "["
                + (turns + [last]).map { #"{"role": "\#($0.0)", "content": "\#($0.1)"}"# }
                .joined(separator: ", ") + "]"
        }
        let more = try pair("\"a\"", long(a), long(b))
        #expect(more.prompt.map(\.content) == ["a", "x", "y"] && more.system == "s")
        #expect(more.response == answers)
        // What does not fit together is named.
        let other = try pair("\"z\"", messages(q, a), messages(q, b))
        #expect(other.response.isEmpty && other.answerFault?.contains("chosen") == true)
        let apart = try pair("\"a\"", messages(q, a), messages(("user", "z"), b))
        #expect(apart.answerFault?.contains("not the same") == true)
        let open = try pair("\"a\"", messages(q), messages(q, b))
        #expect(open.answerFault?.contains("chosen") == true)
        let several = try pair("\"a\"", "\"b\"", #"["c", "d"]"#)
        #expect(several.answerFault?.contains("rejected holds an array") == true)
    }

    @Test func questionsAndAnswersMayBeMessages() throws {
        let entry: JSONValue = ["columns": ["prompt": "prompt", "response": "completion"]]
        let (q, a) = (("user", "a"), ("assistant", "b"))
        for prompt in ["\"a\"", messages(q)] {
            for answer in ["\"b\"", messages(a)] {
                let sample = try align(#"{"prompt": \#(prompt), "completion": \#(answer)}"#, entry)
                #expect(sample.prompt == [Message(.user, "a")])
                #expect(sample.response == [Message(.assistant, "b")])
            }
        }
        let system = try align(
            #"{"prompt": \#(messages(("system", "s"), q)), "completion": \#(messages(a))}"#, entry)
        #expect(system.system == "s" && system.prompt == [Message(.user, "a")])
    }
}
