import FledgeColumnar
import FledgeCore
import FledgeData
import FledgeTokenize
import Foundation
import Testing

@Suite struct DatasetTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "fledge-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func write(_ text: String, _ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try AtomicFile.write(text, to: folder + "/" + name)
        return folder + "/" + name
    }

    private func rows(_ text: String, _ info: JSONValue) throws -> [AlignedSample] {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = try write(text, "rows.json")
        var info = info
        info["file_name"] = .string(path)
        let description = try DatasetDescription(
            name: "rows", json: info, folder: "", file: "dataset_info.json")
        return try DatasetLoader.rows(description)
    }

    // MARK: Alpaca

    @Test func alpacaRows() throws {
        let rows = try rows(
            """
            [
              {"instruction": "I", "input": "X", "output": "O"},
              {"instruction": "I", "input": "", "output": "O",
               "history": [["q1", "a1"], ["q2", "a2"]]},
              {"instruction": "", "input": null, "output": null}, {"input": "only"}
            ]
            """,
            [
                "columns": [
                    "prompt": "instruction", "query": "input", "response": "output",
                    "history": "history",
                ]
            ])
        #expect(rows[0].prompt == [Message(.user, "I\nX")])
        #expect(rows[0].response == [Message(.assistant, "O")])
        #expect(
            rows[1].prompt == [
                Message(.user, "q1"), Message(.assistant, "a1"), Message(.user, "q2"),
                Message(.assistant, "a2"), Message(.user, "I"),
            ])
        #expect(rows[2].prompt == [Message(.user, "")] && rows[2].response.isEmpty)
        #expect(rows[3].prompt == [Message(.user, "only")])
        #expect(rows.map(\.source.line) == [2, 3, 5, 5])
        #expect(rows[3].source.column == 55)
    }

    @Test func linesAreRows() throws {
        let rows = try rows(
            "{\"instruction\": \"a\", \"input\": \"\", \"output\": \"b\"}\n\n"
                + "{\"instruction\": \"c\", \"input\": \"\", \"output\": \"d\"}\n", [:])
        #expect(rows.map(\.source.line) == [1, 3])
        #expect(rows[1].response == [Message(.assistant, "d")])
    }

    @Test func answersOfOtherKinds() throws {
        let tagged = try rows(
            #"[{"instruction": "q", "output": "a", "tag": true}, {"instruction": "q", "#
                + #""output": "a", "tag": false}, {"instruction": "q", "output": "a", "tag": 1}]"#,
            ["columns": ["prompt": "instruction", "response": "output", "kto_tag": "tag"]])
        #expect(tagged.map { $0.response.map(\.content) } == [["a", ""], ["", "a"], ["a", ""]])
        let ranked = try rows(
            #"[{"instruction": "q", "good": "g", "bad": "b", "s": "S"}]"#,
            [
                "ranking": true,
                "columns": [
                    "prompt": "instruction", "chosen": "good", "rejected": "bad", "system": "s",
                ],
            ])
        #expect(ranked[0].response.map(\.content) == ["g", "b"] && ranked[0].system == "S")
    }

    // MARK: ShareGPT

    private func messages(_ text: String, _ more: JSONValue = [:]) throws -> [AlignedSample] {
        var info = more
        info["formatting"] = "sharegpt"
        return try rows(text, info)
    }

    @Test func dialogues() throws {
        let rows = try messages(
            """
            [{"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "1"},
                {"from": "function_call", "value": "2"}, {"from": "observation", "value": "3"},
                {"from": "gpt", "value": "4"}]},
             {"conversations": [{"from": "gpt", "value": "1"}, {"from": "human", "value": "2"}]},
             {"conversations": [{"from": "human", "value": "1"}]}, {"conversations": []},
             {"conversations": [{"from": "human", "value": "1"}, {"from": "Gpt", "value": "2"}]}]
            """)
        #expect(rows[0].system == "S")
        #expect(rows[0].prompt.map(\.role) == [.user, .function, .observation])
        #expect(rows[0].response == [Message(.assistant, "4")])
        #expect(rows.dropFirst().allSatisfy { $0.prompt.isEmpty && $0.response.isEmpty })
        #expect(rows[1].fault?.contains("message 1 has the role gpt") == true)
        #expect(rows[2].fault?.contains("it ends with a question") == true)
        #expect(rows[3].fault == nil)
    }

    @Test func otherTagsAndColumns() throws {
        let rows = try messages(
            #"[{"messages": [{"role": "user", "content": "1"}, {"role": "assistant", "content": "#
                + #""2"}], "tools": [{"name": "f"}], "system": "Y"}]"#,
            [
                "columns": ["messages": "messages", "tools": "tools", "system": "system"],
                "tags": [
                    "role_tag": "role", "content_tag": "content", "user_tag": "user",
                    "assistant_tag": "assistant",
                ],
            ])
        #expect(rows[0].prompt == [Message(.user, "1")] && rows[0].system == "Y")
        #expect(rows[0].tools == #"[{"name": "f"}]"#)
        let ranked = try messages(
            #"[{"conversations": [{"from": "human", "value": "1"}], "c": {"from": "gpt", "value": "#
                + #""g"}, "r": {"from": "gpt", "value": "b"}}]"#,
            [
                "ranking": true,
                "columns": ["messages": "conversations", "chosen": "c", "rejected": "r"],
            ])
        #expect(ranked[0].response.map(\.content) == ["g", "b"] && ranked[0].prompt.count == 1)
    }

    // MARK: Mistakes

    @Test(
        arguments: [
            (
                #"[{"question": "q", "answer": "a"}]"#, "alpaca", 1,
                #""prompt": "question", "response": "answer""#
            ),
            (
                "[\n  {\"instruction\": 3, \"input\": \"\", \"output\": \"\"}]", "alpaca", 2,
                "a number"
            ),
            ("[\n\n 7]", "alpaca", 3, "a row is a number"),
            ("[{\"instruction\": \"a\" \"b\"}]", "alpaca", 1, "expected ',' or '}'"),
            (#"[{"messages": []}]"#, "sharegpt", 1, #""messages": "messages""#),
            (#"[{"conversations": 1}]"#, "sharegpt", 1, "a list of messages"),
            (
                #"[{"conversations": [{"role": "user", "content": "x"}]}]"#, "sharegpt", 1,
                #""role_tag": "role", "content_tag": "content""#
            ),
            (#"[{"conversations": [{"from": "human", "value": null}]}]"#, "sharegpt", 1, "value"),
            (#"[{"conversations": ["x"]}]"#, "sharegpt", 1, "a string"),
        ] as [(String, String, Int, String)])
    func brokenRowsNameThePlaceAndTheRemedy(
        text: String, form: String, line: Int, part: String
    ) throws {
        let error = #expect(throws: FledgeError.self) {
            try rows(text, ["formatting": .string(form)])
        }
        #expect(error?.location?.line == line, "\(String(describing: error))")
        #expect(
            error?.description.lowercased().contains(part.lowercased()) == true,
            "\(String(describing: error))")
    }

    @Test func descriptionsAreChecked() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func fails(_ info: JSONValue, _ part: String) {
            let error = #expect(throws: FledgeError.self) {
                try DatasetDescription(name: "n", json: info, folder: "", file: "i")
            }
            #expect(error?.description.contains(part) == true, "\(String(describing: error))")
        }
        fails(["file_name": "x", "formating": "alpaca"], "formating")
        fails(["file_name": "x", "formatting": "csv"], "csv")
        fails(["hf_hub_url": "a/b"], "hf_hub_url")
        fails([:], "file_name")
        fails(["file_name": "x", "columns": ["promt": "q"]], "promt")
        fails(["file_name": "x", "tags": ["user": "q"]], "user")
        fails(["file_name": "x", "columns": ["images": "i"]], "images")
        #expect(throws: FledgeError.self) { try DatasetCatalog(folder: folder) }
        _ = try write(
            #"{"a": {"file_name": "a.xml"}, "b": {"file_name": "none.json"}}"#, "dataset_info.json")
        let catalog = try DatasetCatalog(folder: folder)
        #expect(catalog.names == ["a", "b"])
        #expect(throws: FledgeError.self) { try catalog.description(named: "c") }
        _ = try write("x,y", "a.xml")
        let csv = #expect(throws: FledgeError.self) {
            try DatasetLoader.rows(catalog.description(named: "a"))
        }
        #expect(csv?.description.contains("xml") == true && csv?.code == .unsupported)
        let none = #expect(throws: FledgeError.self) {
            try DatasetLoader.rows(catalog.description(named: "b"))
        }
        #expect(none?.code == .fileNotFound)
    }

    // MARK: Loading

    @Test func foldersAreReadSorted() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["b.json", "a.jsonl", "c.json"] {
            _ = try write(#"{"instruction": "\#(name)", "input": "", "output": ""}"#, name)
        }
        let rows = try DatasetLoader.rows(DatasetDescription(name: "d", path: folder))
        #expect(rows.map { $0.prompt[0].content } == ["a.jsonl", "b.json", "c.json"])
    }

    @Test func setsAreLimitedMixedAndSplit() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (name, count) in [("a", 10), ("b", 4)] {
            let rows = (0..<count).map {
                #"{"instruction": "\#(name)\#($0)", "input": "", "output": "x"}"#
            }
            _ = try write("[\(rows.joined(separator: ","))]", name + ".json")
        }
        _ = try write(
            #"{"a": {"file_name": "a.json"}, "b": {"file_name": "b.json", "num_samples": 3}, "#
                + #""r": {"file_name": "a.json", "ranking": true}}"#, "dataset_info.json")
        func load(_ change: (inout DatasetOptions) -> Void) throws -> (
            train: String, evaluations: [String]
        ) {
            var options = DatasetOptions()
            options.folder = folder
            change(&options)
            let loaded = try DatasetLoader(options).load()
            func text(_ samples: [AlignedSample]) -> String {
                samples.map { $0.prompt[0].content }.joined(separator: " ")
            }
            return (
                text(loaded.train), loaded.evaluations.map { "\($0.name): \(text($0.samples))" }
            )
        }
        #expect(
            try load {
                $0.names = DatasetOptions.names(in: " a ,,\tb ")
                $0.sampleLimit = 2
                $0.mix = .interleaveUnder
            }.train.split(separator: " ").count == 4)
        let split = try load {
            $0.names = ["a"]
            $0.validationSize = 0.25
        }
        #expect(split.train == "a7 a3 a2 a4 a9 a1 a8")
        #expect(split.evaluations == ["validation: a5 a6 a0"])
        let each = try load {
            $0.names = ["a"]
            $0.evaluationNames = ["a", "b"]
            $0.evaluatesEach = true
            $0.sampleLimit = 1
        }
        #expect(each.evaluations.map { $0.prefix(13) } == ["validation_a:", "validation_b:"])
        for change: (inout DatasetOptions) -> Void in [
            { $0.names = ["a", "a"] }, { $0.names = ["r"] }, { $0.names = ["z"] },
            {
                $0.names = ["a", "b"]
                $0.probabilities = [1]
                $0.mix = .interleaveOver
            },
            {
                $0.names = ["a"]
                $0.evaluationNames = ["b"]
                $0.validationSize = 2
            },
        ] {
            #expect(throws: FledgeError.self) { try load(change) }
        }
    }

    @Test func theOwnDataSetFits() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let catalog = try DatasetCatalog(folder: ReferenceFiles.root + "/Examples/data")
        let rows = try DatasetLoader.rows(catalog.description(named: "identity"))
        #expect(rows.count >= 90)
        #expect(rows.allSatisfy { $0.response.count == 1 && !$0.prompt[0].content.isEmpty })
        #expect(!rows.contains { $0.response[0].content.contains("{") })
        #expect(rows.count { $0.response[0].content.contains("Wren") } > 60)
        #expect(rows.count { $0.response[0].content.contains("Fledge project") } > 60)
    }

    @Test func anyBytesAreReadOrRefused() {
        var generator = KeyedGenerator(RandomKey(seed: 2))
        let parts = [
            "[", "]", "{", "}", ",", ":", "\n", "\"instruction\"", "\"output\"", "\"input\"",
            "\"x\"", "1", "null", "\"conversations\"", "\"from\"", "\"value\"", "\"human\"",
        ]
        for _ in 0..<3000 {
            let text = (0..<Int(generator.next() % 30)).map { _ in
                parts[Int(generator.next() % UInt64(parts.count))]
            }.joined()
            let source = try? JSONRecords(Array(text.utf8), file: "f")
            let records = source.map { source in
                (0..<source.count).compactMap { try? source.record(at: $0) }
            }
            for form in ["alpaca", "sharegpt"] {
                var description = DatasetDescription(name: "d", path: "f")
                description.formatting = form == "alpaca" ? .alpaca : .sharegpt
                guard let aligner = try? Aligner(description, records: records ?? []) else {
                    continue
                }
                for record in records ?? [] { _ = try? aligner.align(record) }
            }
        }
    }
}
