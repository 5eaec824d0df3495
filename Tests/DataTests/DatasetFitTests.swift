import FledgeColumnar
import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

@Suite struct DatasetFitTests {
    private let folder = TestFolder()

    private func rows(_ text: String) throws -> [AlignedSample] {
        let path = try folder.write(text, "rows.json")
        return try DatasetLoader.rows(DatasetDescription(name: "rows", path: path))
    }

    @Test func rowsThatDoNotFitAreErrorsUnlessAllowed() throws {
        _ = try folder.write(
            """
            {"conversations": [{"from": "human", "value": "1"}, {"from": "gpt", "value": "2"}]}
            {"conversations": [{"from": "gpt", "value": "x"}]}
            {"conversations": [{"from": "human", "value": "3"}, {"from": "gpt", "value": 4}]}
            {"conversations": [
            {"conversations": [{"from": "human", "value": "5"}, {"from": "gpt", "value": "6"}]}
            """, "d.jsonl")
        var options = DatasetOptions()
        options.folder = folder.path
        options.entries = ["d": ["file_name": "d.jsonl", "formatting": "sharegpt"]]
        options.names = ["d"]
        let error = #expect(throws: FledgeError.self) { try DatasetLoader(options).load() }
        #expect(error?.location?.line == 2 && error?.message.contains("role gpt") == true)
        #expect(error?.advice.contains("drop_invalid_rows") == true)
        options.dropsInvalidRows = true
        let rows = try DatasetLoader(options).load().train
        #expect(rows.map { $0.fault == nil } == [true, false, false, false, true])
        #expect(rows.map(\.source.line) == [1, 2, 3, 4, 5])
        var report = DataReport()
        let processor = try SupervisedProcessor(
            tokenizer: ToyTokenizer(), template: ToyTokenizer.template(efficientEnd: false))
        #expect(try rows.compactMap { try processor.sample($0, &report) }.count == 2)
        #expect(report.dropped.count == 3 && report.dropped[0].reason.contains("role gpt"))
    }

    @Test(arguments: [
        (
            #"{"instruction": "a", "output": "b"}"#,
            #"{"columns": {"prompt": "instruction", "response": "output"}}"#
        ),
        (
            #"{"question": "a", "context": "c", "answer": "b", "id": 3}"#,
            #"{"columns": {"prompt": "question", "query": "context", "response": "answer"}}"#
        ),
        (
            #"{"prompt": "a", "chosen": "b", "rejected": "c"}"#,
            #"{"ranking": true, "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}}"#
        ),
        (
            #"{"prompt": "a", "completion": "b", "label": true}"#,
            #"{"columns": {"prompt": "prompt", "response": "completion", "kto_tag": "label"}}"#
        ),
        (
            #"{"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]}"#,
            #"{"formatting": "sharegpt", "columns": {"messages": "conversations"}}"#
        ),
        (
            #"{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], "system": "s"}"#,
            #"{"formatting": "sharegpt", "columns": {"messages": "messages", "system": "system"}, "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}}"#
        ),
        (
            #"{"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "", "tool_calls": [{"id": 1}]}, {"role": "tool", "content": "z"}]}"#,
            #"{"formatting": "openai", "columns": {"messages": "messages"}, "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant", "observation_tag": "tool"}}"#
        ),
        (
            #"{"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}, {"role": "assistant", "content": "y"}]}"#,
            #"{"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}}"#
        ),
        (
            #"{"input": "a", "output": "b"}"#,
            #"{"columns": {"response": "output", "prompt": "input"}}"#
        ),
        (
            #"{"prompt": [{"role": "user", "content": "x"}], "completion": [{"role": "assistant", "content": "y"}]}"#,
            #"{"formatting": "sharegpt", "columns": {"messages": "prompt", "response": "completion"}, "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}}"#
        ),
        (
            #"{"prompt": "x", "completion": [{"from": "gpt", "value": "y"}]}"#,
            #"{"columns": {"prompt": "prompt", "response": "completion"}}"#
        ),
        (
            #"{"prompt": "x", "chosen": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], "rejected": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "z"}]}"#,
            #"{"ranking": true, "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}}"#
        ),
        (
            #"{"chosen": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], "rejected": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "z"}]}"#,
            #"{"ranking": true, "columns": {"chosen": "chosen", "rejected": "rejected"}}"#
        ),
        (#"{"text": "a"}"#, #"{"columns": {"prompt": "text"}}"#), (#"{"x": 1}"#, "nil"),
        ("[1]", "nil"),
    ])
    func rowsSayWhatWouldFit(row: String, expected: String) throws {
        let fit = DatasetFit(try JSONValue(parsing: row))
        #expect(fit?.entry.serialized() ?? "nil" == expected)
        // What is suggested can be read, and then fits.
        guard var entry = fit?.entry else { return }
        entry["file_name"] = "f"
        let description = try DatasetDescription(name: "n", json: entry, folder: "", file: "f")
        guard description.formatting != .openai else { return }
        let record = Record(try JSONValue(parsing: row), at: .init(file: "f"))
        let sample = try Aligner(description, records: [record]).align(record)
        #expect(sample.fault == nil && !sample.prompt.isEmpty)
    }

    @Test func aMissingColumnIsFoundInLaterRowsOrTheFitIsNamed() throws {
        let late = try rows(
            #"{"instruction": "a", "output": "x"} {"instruction": "b", "input": "c", "output": "y"}"#
        )
        #expect(late.map { $0.prompt[0].content } == ["a", "b\nc"])
        let error = #expect(throws: FledgeError.self) {
            try rows(#"[{"messages": [{"role": "user", "content": "x"}]}]"#)
        }
        #expect(error?.advice.contains(#""formatting": "sharegpt""#) == true)
        #expect(error?.message.contains("found messages") == true)
    }

    @Test func dataSetsCanBeNamedByTheirPaths() throws {
        let chat = try folder.write(
            #"{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}"#,
            "chat.jsonl")
        _ = try folder.write("question,answer\nq1,a1\n", "q.csv")
        var options = DatasetOptions()
        options.folder = folder.path
        options.names = [chat, "q.csv"]
        let rows = try DatasetLoader(options).load().train
        #expect(rows.map { $0.prompt[0].content } == ["q", "q1"])
        #expect(rows.map { $0.response[0].content } == ["a", "a1"])
        options.names = ["none.csv"]
        #expect(throws: FledgeError.self) { try DatasetLoader(options).load() }
        _ = try folder.write(#"{"x": 1}"#, "x.json")
        options.names = ["x.json"]
        let error = #expect(throws: FledgeError.self) { try DatasetLoader(options).load() }
        #expect(error?.message.contains("found x") == true)
    }

    @Test func remoteDataSetsSayHowToFetchThem() throws {
        for (key, value, part) in [
            ("hf_hub_url", "a/b", "hf download --repo-type dataset a/b"),
            ("ms_hub_url", "a/b", "modelscope download --dataset a/b"),
            ("cloud_file_name", "s3://b/x.json", "aws s3 cp s3://b/x.json"),
            ("cloud_file_name", "gs://b/x.json", "gcloud storage cp gs://b/x.json"),
            ("script_url", "dir", "Scripts are not run"),
        ] {
            let error = #expect(throws: FledgeError.self) {
                try DatasetDescription(
                    name: "n", json: [key: .string(value), "subset": "s", "split": "train"],
                    folder: "", file: "i")
            }
            #expect(error?.code == .unsupported && error?.advice.contains(part) == true)
        }
        for folder in ["ONLINE", "REMOTE:a/b"] {
            let error = #expect(throws: FledgeError.self) { try DatasetCatalog(folder: folder) }
            #expect(error?.code == .unsupported)
        }
    }
}
