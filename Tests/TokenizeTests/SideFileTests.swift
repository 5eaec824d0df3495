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
}
