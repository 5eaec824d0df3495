import FledgeCore
import FledgeTokenize
import Foundation
import Testing

/// Folders with all kinds of files beside a vocabulary give the ids of transformers' AutoTokenizer.
@Suite struct SideFileTests {
    private let fixture: JSONValue
    private let base: JSONValue

    init() throws {
        fixture = try FixtureTexts.load("side-files.json")
        let tiny = try FixtureTexts.load("tiny.json")
        var base = tiny["base"] ?? .null
        for change in tiny["variants"]?["smollm"]?.members ?? [] {
            if change.key == "model" {
                var model = base["model"] ?? .null
                for part in change.value.members ?? [] { model[part.key] = part.value }
                base["model"] = model
            } else {
                base[change.key] = change.value
            }
        }
        self.base = base
    }

    /// Writes a folder of the fixture.
    private func write(_ entry: JSONValue, to folder: String) throws {
        func write(_ name: String, _ text: String) throws {
            try AtomicFile.write(text, to: folder + "/" + name)
        }
        for file in entry["files"]?.members ?? [] {
            try write(file.key, file.value.serialized())
        }
        var tokenizer = base
        if let listed = entry["added_tokens"], !listed.isNull {
            tokenizer["added_tokens"] = listed
            for stage in entry["stages"]?.members ?? [] { tokenizer[stage.key] = stage.value }
            return try write("tokenizer.json", tokenizer.serialized())
        }
        var vocabulary = base["model"]?["vocab"] ?? .null
        for token in base["added_tokens"]?.arrayValue ?? [] {
            vocabulary[token["content"]?.stringValue ?? ""] = token["id"] ?? .null
        }
        try write("vocab.json", vocabulary.serialized())
        let merges = (base["model"]?["merges"]?.arrayValue ?? []).map { merge in
            merge.stringValue
                ?? (merge.arrayValue ?? []).compactMap(\.stringValue).joined(separator: " ")
        }
        try write("merges.txt", "#version: 0.2\n" + merges.joined(separator: "\n") + "\n")
    }

    private func loaded(_ entry: JSONValue) throws -> TextTokenizer {
        let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write(entry, to: folder)
        return try TokenizerFile.load(folder)
    }

    @Test func idsAreThoseOfTransformers() throws {
        let texts = (fixture["texts"]?.arrayValue ?? []).compactMap(\.stringValue)
        let entries = fixture["folders"]?.arrayValue ?? []
        #expect(texts.count >= 4 && entries.count >= 40)
        for entry in entries {
            let name = entry["name"]?.stringValue ?? ""
            let tokenizer = try loaded(entry)
            for (index, text) in texts.enumerated() {
                let expected = (entry["ids"]?[index]?.arrayValue ?? []).compactMap(\.intValue)
                let found = tokenizer.encode(text, specials: .parse).map(Int.init)
                #expect(found == expected, "\(name): \(text)")
            }
            let named = [tokenizer.beginOfText, tokenizer.endOfText, tokenizer.padding]
            let expected = (entry["named"]?.arrayValue ?? []).map(\.intValue)
            #expect(named.map { $0.map(Int.init) } == expected, "\(name)")
        }
    }

    /// A token with a name is a control token, whatever the list of tokens says about it.
    @Test func namedTokensAreControlTokens() throws {
        func token(_ isSpecial: Bool) -> JSONValue {
            [
                "content": "<end>", "special": .bool(isSpecial), "lstrip": false, "rstrip": false,
                "normalized": false, "single_word": false,
            ]
        }
        for isNamed in [false, true] {
            let tokenizer = try TextTokenizer(
                json: base,
                configuration: [
                    "added_tokens_decoder": ["9000": token(false)],
                    "eos_token": isNamed ? "<end>" : nil,
                ], file: "test")
            let ids = tokenizer.encode("a<end>", specials: .parse)
            let shown = tokenizer.decode(ids, skippingSpecials: true)
            #expect(shown == (isNamed ? "a" : "a<end>"))
        }
    }

    @Test func stagesThatAddASpaceAreLeftOutOfLlamasFile() throws {
        let vocabulary: JSONValue = ["<unk>": 0, "▁": 1, "a": 2, "▁a": 3]
        func tokenizer(_ stages: JSONValue, _ adds: Bool?) throws -> TextTokenizer {
            var json = stages
            json["model"] = [
                "type": "BPE", "vocab": vocabulary, "merges": ["▁ a"], "unk_token": "<unk>",
            ]
            var configuration: JSONValue = ["tokenizer_class": "LlamaTokenizer"]
            if let adds { configuration["add_prefix_space"] = .bool(adds) }
            return try TextTokenizer(json: json, configuration: configuration, file: "test")
        }
        let replace: JSONValue = [
            "type": "Replace", "pattern": ["String": " "], "content": "▁",
        ]
        let decoder: JSONValue = [
            "type": "Sequence",
            "decoders": [
                ["type": "Replace", "pattern": ["String": "▁"], "content": " "], ["type": "Fuse"],
                ["type": "Strip", "content": " ", "start": 1, "stop": 0],
            ],
        ]
        for stages: JSONValue in [
            [
                "normalizer": [
                    "type": "Sequence",
                    "normalizers": [["type": "Prepend", "prepend": "▁"], replace],
                ], "decoder": decoder,
            ],
            [
                "pre_tokenizer": [
                    "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first",
                    "split": false,
                ], "decoder": decoder,
            ],
        ] {
            for adds in [nil, true] {
                let spaced = try tokenizer(stages, adds)
                #expect(spaced.encode("a a", specials: .text) == [3, 3])
                #expect(spaced.decode([3, 3], skippingSpecials: false) == "a a")
            }
            let bare = try tokenizer(stages, false)
            #expect(bare.encode("a a", specials: .text) == [2, 3])
            #expect(bare.decode([3, 3], skippingSpecials: false) == " a a")
        }
    }

    /// Without a space before texts, or only before the first one, as `LlamaTokenizer` is told.
    @Test func theSpaceBeforeTextsOfSentencePieceIsThatOfTheConfiguration() throws {
        let model =
            URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Fixtures/botchan_bpe/tokenizer.model").path
        func ids(_ configuration: JSONValue?, _ text: String) throws -> [Int32] {
            let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try FileManager.default.copyItem(atPath: model, toPath: folder + "/tokenizer.model")
            if let configuration {
                try AtomicFile.write(
                    configuration.serialized(), to: folder + "/tokenizer_config.json")
            }
            let tokenizer = try TokenizerFile.load(folder)
            let ids = tokenizer.encode(text, specials: .parse)
            let saved = try TextTokenizer(
                json: tokenizer.json, configuration: tokenizer.configuration, file: "saved")
            #expect(saved.encode(text, specials: .parse) == ids)
            #expect(
                saved.decode(ids, skippingSpecials: true)
                    == tokenizer.decode(ids, skippingSpecials: true))
            return ids
        }
        let llama: JSONValue = ["tokenizer_class": "LlamaTokenizer"]
        func with(_ key: String, _ value: Bool, _ name: String? = "LlamaTokenizer") -> JSONValue {
            var configuration = name.map { ["tokenizer_class": .string($0)] } ?? [:] as JSONValue
            configuration[key] = .bool(value)
            return configuration
        }
        let end: [Int32] = try ids(nil, "</s>")
        let (spaced, bare) = (
            try ids(nil, "there"), try ids(with("add_prefix_space", false), "there")
        )
        #expect(spaced != bare)
        for configuration in [
            nil, with("legacy", true), with("legacy", false, nil),
            with("legacy", false, "T5Tokenizer"),
            with("add_prefix_space", true, nil),
        ] {
            #expect(try ids(configuration, "there</s>there") == spaced + end + spaced)
        }
        for configuration in [
            llama, with("legacy", false), with("legacy", false, "LlamaTokenizerFast"),
            with("add_prefix_space", true),
        ] {
            #expect(try ids(configuration, "there</s>there") == spaced + end + bare)
        }
        for name in ["LlamaTokenizer", "LlamaTokenizerFast", nil] {
            #expect(
                try ids(with("add_prefix_space", false, name), "there</s>there")
                    == bare + end + bare)
        }
    }

    @Test func savedFoldersGiveTheSameIDs() throws {
        let texts = (fixture["texts"]?.arrayValue ?? []).compactMap(\.stringValue)
        for entry in fixture["folders"]?.arrayValue ?? [] {
            let tokenizer = try loaded(entry)
            let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            try tokenizer.save(to: folder)
            let again = try TokenizerFile.load(folder)
            for text in texts {
                #expect(
                    again.encode(text, specials: .parse)
                        == tokenizer.encode(text, specials: .parse),
                    "\(entry["name"]?.stringValue ?? ""): \(text)")
            }
        }
    }

    @Test func whatIsNoTokenizerIsCalledWhatItIs() throws {
        let pointer = Array(
            "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 12\n".utf8)
        let page = Array("<!DOCTYPE html>\n<html><head></head></html>".utf8)
        let wide: [UInt8] = [0xFF, 0xFE, 0x7B, 0, 0x7D, 0, 0x0A, 0]
        let whole = try #require(fixture["folders"]?[0])
        for (bytes, word) in [(pointer, "LFS"), (page, "page"), (wide, "UTF-16")] {
            for name in [
                "tokenizer.json", "tokenizer.model", "tekken.json", "tokenizer_config.json",
                "special_tokens_map.json", "chat_template.jinja",
            ] {
                let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(atPath: folder) }
                let isSide =
                    !name.hasPrefix("tok") && name != "tekken.json" || name.contains("config")
                if isSide { try write(whole, to: folder) }
                try AtomicFile.write(bytes, to: folder + "/" + name)
                let error = #expect(throws: FledgeError.self, "\(name), \(word)") {
                    if name == "chat_template.jinja" {
                        #expect(try TokenizerFile.load(folder).chatTemplate == nil)
                        _ = try ModelChatTemplate.load(folder)
                    } else {
                        _ = try TokenizerFile.load(folder)
                    }
                }
                #expect(error?.message.contains(word) == true, "\(name): \(error?.message ?? "")")
                #expect(error?.location?.file.hasSuffix(name) == true)
            }
        }
    }

    @Test func filesThatNothingReadsAreNamed() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try write(#require(fixture["folders"]?[2]), to: folder)
        for name in [
            "README.md", "model.safetensors", "vocab.txt", "tokenization_own.py", "normalizer.json",
            "chat_template.yaml", "my_tokens.json",
        ] { try AtomicFile.write("", to: folder + "/" + name) }
        #expect(
            try TokenizerFolder.unreadFiles(in: folder) == ["chat_template.yaml", "my_tokens.json"])
        #expect(try TokenizerFolder.unreadFiles(in: folder + "/tokenizer.json").isEmpty)
    }
}
