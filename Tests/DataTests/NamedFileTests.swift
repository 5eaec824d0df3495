import FledgeColumnar
import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Files that are named without a description, in the shapes that hubs have: what their rows are follows
/// from what the run wants of them.
@Suite struct NamedFileTests {
    private let folder = TestFolder()

    private func load(
        _ text: String, _ name: String = "rows.jsonl", pairs: Bool = false, marks: Bool = false
    ) throws -> [AlignedSample] {
        var options = DatasetOptions()
        options.folder = folder.path
        options.names = [try folder.write(text, name)]
        (options.usesRanking, options.usesMarks) = (pairs, marks)
        return try DatasetLoader(options).load().train
    }

    /// A question, both answers as whole dialogues, and the better one once more.
    @Test func pairsBesideACopyOfTheDialogue() throws {
        let rows = try load(
            """
            {"prompt": "q", "prompt_id": "7", "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "bad"}], "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "good"}], "score_chosen": 8.0, "score_rejected": 2.0}
            """, pairs: true)
        #expect(rows.map(\.fault) == [nil] && rows[0].answerFault == nil)
        #expect(rows[0].prompt == [Message(.user, "q")])
        #expect(rows[0].response.map(\.content) == ["good", "bad"])
        #expect(rows[0].unread.isEmpty)
    }

    @Test func pairsWhoseDialogueEndsWithTheBetterAnswer() throws {
        func row(_ last: String, _ chosen: String) -> String {
            """
            {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "\(last)"}], "chosen": {"from": "gpt", "value": "\(chosen)"}, "rejected": {"from": "gpt", "value": "bad"}}
            """
        }
        for last in ["good", "bad"] {
            let rows = try load(row(last, "good"), pairs: true)
            #expect(rows[0].fault == nil && rows[0].prompt == [Message(.user, "q")])
            #expect(rows[0].response.map(\.content) == ["good", "bad"])
        }
        // An answer of neither is no copy.
        let error = #expect(throws: FledgeError.self) {
            try load(row("other", "good"), pairs: true)
        }
        #expect(error?.message.contains("ends with an answer") == true)
    }

    @Test(arguments: [
        (#""kto_tag": true"#, #""kto_tag": false"#), (#""kto_tag": 1"#, #""kto_tag": 0"#),
        (#""label": "True""#, #""label": "False""#), (#""label": "1""#, #""label": "0""#),
        (#""kto_tag": 1.0"#, #""kto_tag": 0.0"#), (#""label": "true""#, #""label": "false""#),
    ])
    func marksOfAllSpellings(good: String, bad: String) throws {
        let rows = try load(
            """
            {"prompt": "q", "completion": "a", \(good)}
            {"prompt": "r", "completion": "b", \(bad)}
            """, marks: true)
        #expect(rows.map(\.isDesirable) == [true, false])
    }

    @Test(arguments: [("true", "false"), ("True", "False"), ("1", "0")])
    func marksOfTables(good: String, bad: String) throws {
        let rows = try load(
            "instruction,output,kto_tag\nq,a,\(good)\nr,b,\(bad)\n", "rows.csv", marks: true)
        #expect(rows.map(\.isDesirable) == [true, false])
    }

    /// Numbers under a column named label sort rows into classes where no marks are wanted.
    @Test func labelsOfClassesAreNoMarks() throws {
        let rows = try load(
            """
            {"instruction": "q", "output": "a", "label": 1}
            {"instruction": "r", "output": "b", "label": 0}
            """)
        #expect(rows.map(\.isDesirable) == [nil, nil] && rows[0].response.map(\.content) == ["a"])
    }

    @Test func filesWithoutPairsSayWhatTheyHold() throws {
        let error = #expect(throws: FledgeError.self) {
            try load(
                #"{"question": "q", "response_j": "a", "response_k": "b"}"#, pairs: true)
        }
        #expect(error?.message.contains("found question, response_j, response_k") == true)
        #expect(error?.advice.contains(#""ranking": true"#) == true)
        #expect(error?.location?.line == 1)
        #expect(try load("", pairs: true).isEmpty)
    }

    @Test func describedSetsOfTheOtherKindSayWhatToDo() throws {
        _ = try folder.write(#"{"instruction": "q", "chosen": "a", "rejected": "b"}"#, "d.jsonl")
        var options = DatasetOptions()
        options.folder = folder.path
        options.names = ["d"]
        for isRanking in [false, true] {
            options.entries = [
                "d": ["file_name": "d.jsonl", "ranking": .bool(isRanking)]
            ]
            options.usesRanking = !isRanking
            let error = #expect(throws: FledgeError.self) { try DatasetLoader(options).load() }
            #expect(error?.advice.contains(isRanking ? "dpo" : #""ranking": true"#) == true)
        }
    }

    @Test func filesThatAreNotThere() throws {
        var options = DatasetOptions()
        options.folder = folder.path
        options.entries = [:]
        for name in ["absent.json", "data/absent", "absent.csv.gz"] {
            options.names = [name]
            let error = #expect(throws: FledgeError.self) { try DatasetLoader(options).load() }
            #expect(error?.code == .fileNotFound)
            #expect(error?.message.contains("no file \(name)") == true)
        }
        options.names = ["absent"]
        let error = #expect(throws: FledgeError.self) { try DatasetLoader(options).load() }
        #expect(error?.message.contains("Undefined dataset absent") == true)
    }
}
