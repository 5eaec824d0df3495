import FledgeAdapters
import FledgeCore
import FledgeTesting
import Foundation
import Testing

/// Which modules an adapter goes into, against peft itself (`Scripts/reference/peft_matching.py`).
@Suite struct ModuleSelectionTests {
    private static let fixture = Result {
        try JSONValue(
            contentsOf: URL(filePath: #filePath).deletingLastPathComponent().path
                + "/Fixtures/peft-matching.json")
    }

    @Test func modulesAndRanksAreThoseOfPEFT() throws {
        let fixture = try Self.fixture.get()
        let paths = fixture["paths"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let cases = fixture["cases"]?.arrayValue ?? []
        #expect(cases.count == 28 && paths.count == 36)
        for example in cases {
            let folder = try TemporaryFolder()
            var json: JSONValue = ["peft_type": "LORA", "r": 4, "lora_alpha": 8]
            for member in example["config"]?.members ?? [] { json[member.key] = member.value }
            let file = folder.path + "/adapter_config.json"
            try AtomicFile.write(json.serialized(), to: file)
            let configuration = try PEFTConfiguration(path: file)
            let ranks = paths.map { path -> JSONValue in
                configuration.modules.contains(path)
                    ? .integer(configuration.rank(of: path)) : .null
            }
            #expect(
                ranks == example["ranks"]?.arrayValue, "\(example["config"]?.serialized() ?? "")")
        }
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        for example in try Self.fixture.get()["cases"]?.arrayValue ?? [] {
            let folder = try TemporaryFolder()
            var json: JSONValue = ["peft_type": "LORA", "r": 4, "lora_alpha": 8]
            for member in example["config"]?.members ?? [] { json[member.key] = member.value }
            json["modules_to_save"] = nil
            let file = folder.path + "/adapter_config.json"
            try AtomicFile.write(json.serialized(), to: file)
            let read = try PEFTConfiguration(path: file)
            try AtomicFile.write(read.json.serialized(), to: file)
            #expect(try PEFTConfiguration(path: file) == read)
        }
    }

    @Test func brokenExpressionsAreNamed() throws {
        for (key, value) in [
            ("target_modules", "(q_proj" as JSONValue), ("exclude_modules", "[a-"),
            ("rank_pattern", ["q_proj)": 2]),
        ] {
            let folder = try TemporaryFolder()
            var json: JSONValue = [
                "peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"],
            ]
            json[key] = value
            let file = folder.path + "/adapter_config.json"
            try AtomicFile.write(json.serialized(), to: file)
            let error = #expect(throws: FledgeError.self) { try PEFTConfiguration(path: file) }
            #expect(error?.message.contains(key) == true, "\(key)")
        }
    }
}
