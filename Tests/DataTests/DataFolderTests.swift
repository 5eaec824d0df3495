import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Folders as people make them and as hubs leave them.
@Suite struct DataFolderTests {
    private let folder = TestFolder()
    private func row(_ name: String) -> String {
        #"{"instruction": "\#(name)", "output": "b"}"# + "\n"
    }

    /// The questions of a data set in a folder with some files, and what is said.
    private func load(_ names: [String]) throws -> (rows: [String], notes: [String]) {
        for name in names { _ = try folder.write(row(name), "set/" + name) }
        var options = DatasetOptions()
        options.folder = folder.path
        options.entries = [
            "set": [
                "file_name": "set", "columns": ["prompt": "instruction", "response": "output"],
            ]
        ]
        options.names = ["set"]
        let loaded = try DatasetLoader(options).load()
        return (loaded.train.map { $0.prompt[0].content }, loaded.notes)
    }

    @Test(arguments: [
        (["a.jsonl", "b.jsonl"], ["a.jsonl", "b.jsonl"]),
        (
            [
                "train.jsonl", "README.md", "LICENSE", ".gitattributes", ".DS_Store",
                ".cache/x.json",
            ],
            ["train.jsonl"]
        ),
        (
            ["data/train-00000-of-00001.jsonl", "README.md", "make.py"],
            ["data/train-00000-of-00001.jsonl"]
        ),
        (["main/set/rows.jsonl", "main/README.md"], ["main/set/rows.jsonl"]),
        (["rows.jsonl", "images/a.png", "dataset_infos.json"], ["rows.jsonl"]),
    ])
    func whatLiesBesideRowsIsPassedOver(names: [String], expected: [String]) throws {
        let (rows, notes) = try load(names)
        #expect(rows == expected && notes.isEmpty)
    }

    @Test(arguments: [
        ["train-0.jsonl", "test-0.jsonl", "validation-0.jsonl"],
        ["data/train.jsonl", "data/dev.jsonl"], ["train/a.jsonl", "test/a.jsonl"],
        ["my_train_set.jsonl", "my_eval_set.jsonl", "val.jsonl"],
    ])
    func otherSplitsAreHeldBackAndNamed(names: [String]) throws {
        let (rows, notes) = try load(names)
        #expect(rows.count == 1 && rows[0].contains("train"))
        #expect(notes.count == 1 && notes[0].contains("other splits"))
    }

    @Test func filesThatOnlySoundLikeSplitsAreRead() throws {
        #expect(try load(["test.jsonl", "more.jsonl"]).rows == ["more.jsonl", "test.jsonl"])
        let other = DataFolderTests()
        #expect(
            try other.load(["train.jsonl", "contest.jsonl", "values.jsonl"]).rows.count == 3)
    }

    @Test func severalFoldersAndNothingAreErrors() throws {
        let several = #expect(throws: FledgeError.self) { try load(["de/a.jsonl", "fr/a.jsonl"]) }
        #expect(several?.message.contains("de, fr") == true)
        #expect(several?.advice.contains("set/de") == true)
        let mixed = #expect(throws: FledgeError.self) {
            try DataFolderTests().load(["a.jsonl", "more/a.jsonl"])
        }
        #expect(
            mixed?.message.contains("a.jsonl") == true && mixed?.message.contains("more") == true)
        let nothing = #expect(throws: FledgeError.self) {
            try DataFolderTests().load(["README.md"])
        }
        #expect(nothing?.message.contains("found README.md") == true)
        let odd = #expect(throws: FledgeError.self) {
            try DataFolderTests().load(["a.jsonl", "b.bak"])
        }
        #expect(odd?.message.contains("bak") == true)
    }

    @Test func keysOfDescriptionsThatAreNothing() throws {
        let entry: JSONValue = [
            "hf_hub_url": nil, "ms_hub_url": "", "file_name": "a.json", "file_sha1": "00",
            "tags": nil, "columns": nil,
        ]
        let description = try DatasetDescription(name: "a", json: entry, folder: "", file: "i")
        #expect(description.path == "a.json" && description.columns.prompt == "instruction")
    }
}
