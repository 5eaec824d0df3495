import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Columns that rows keep for whoever judges answers by them.
@Suite struct KeptColumnTests {
    private let folder: TestFolder

    init() throws {
        folder = TestFolder()
        _ = try folder.write(
            """
            {"instruction": "1+1", "output": "two", "answer": 2, "other": "a text"}
            {"instruction": "1+2", "output": "three", "answer": "3", "other": "a text"}
            {"instruction": "1+3", "output": "four", "other": "a text"}
            {"instruction": "1+4", "output": "five", "answer": null, "other": "a text"}
            """, "rows.jsonl")
    }

    private func options(_ columns: Set<String>, count: Int? = 2) -> DatasetOptions {
        var options = DatasetOptions()
        options.folder = folder.path
        options.entries = [
            "rows": [
                "file_name": "rows.jsonl",
                "columns": ["prompt": "instruction", "response": "output"],
            ]
        ]
        (options.names, options.sampleLimit) = (["rows"], count)
        options.keptColumns = columns
        return options
    }

    @Test func rowsHoldThem() throws {
        let rows = try DatasetLoader(options(["answer", "output"])).load().train
        #expect(rows.map { $0.columns["answer"] } == [2, "3"])
        #expect(rows[0].columns["output"] == "two" && rows[0].response[0].content == "two")
        #expect(rows[0].unread.map(String.init(describing:)).contains { $0.contains("other") })
        #expect(!rows[0].unread.map(String.init(describing:)).contains { $0.contains("answer") })
        let none = try DatasetLoader(options([])).load().train
        #expect(none.allSatisfy { $0.columns.isEmpty })
        let stream = try DatasetStream(options(["answer"]), shuffles: false)
        #expect(try stream.sample(epoch: 0, place: 1).columns == ["answer": "3"])
    }

    @Test func rowsWithoutThemDoNotFit() throws {
        let error = #expect(throws: FledgeError.self) {
            try DatasetLoader(options(["answer"], count: nil)).load()
        }
        #expect(error?.message.contains("it has no column answer") == true)
        #expect(error?.location?.line == 3)
        var lenient = options(["answer"], count: nil)
        lenient.dropsInvalidRows = true
        let rows = try DatasetLoader(lenient).load().train
        #expect(rows.map { $0.fault != nil } == [false, false, true, true])
    }

    /// Where questions are answered by a model, a dialogue may end with one.
    @Test func dialoguesMayEndWithTheQuestion() throws {
        _ = try folder.write(
            """
            {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1+1"}], "answer": 2}
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}], "answer": 3}
            {"messages": [{"role": "user", "content": "d"}, {"role": "assistant", "content": "e"}], "answer": 4}
            """, "turns.jsonl")
        var options = DatasetOptions()
        options.folder = folder.path
        options.entries = [
            "turns": [
                "file_name": "turns.jsonl", "formatting": "sharegpt",
                "columns": ["messages": "messages"],
                "tags": [
                    "role_tag": "role", "content_tag": "content", "user_tag": "user",
                    "assistant_tag": "assistant", "system_tag": "system",
                ],
            ]
        ]
        (options.names, options.keptColumns) = (["turns"], ["answer"])
        options.takesQuestions = true
        let rows = try DatasetLoader(options).load().train
        #expect(rows.map { $0.prompt.map(\.content) } == [["1+1"], ["a", "b", "c"], ["d"]])
        #expect(rows.map { $0.response.map(\.content) } == [[], [], ["e"]])
        #expect(rows[0].system == "Be brief." && rows[0].columns["answer"] == 2)
        options.takesQuestions = false
        let error = #expect(throws: FledgeError.self) { try DatasetLoader(options).load() }
        #expect(error?.message.contains("ends with a question") == true)
    }

    @Test func aColumnThatNoRowHasIsNamedWithItsNeighbour() throws {
        let error = #expect(throws: FledgeError.self) {
            try DatasetLoader(options(["anwser"])).load()
        }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains("no column anwser") == true)
        #expect(error?.message.contains("other") == true)
        #expect(error?.advice == "Did you mean answer?")
        #expect(throws: FledgeError.self) {
            try DatasetStream(options(["anwser"]), shuffles: false)
        }
    }
}
