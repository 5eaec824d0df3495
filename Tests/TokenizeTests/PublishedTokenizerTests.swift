import FledgeCore
import FledgeTokenize
import Foundation
import Testing

/// The ids of published tokenizers are those of the libraries that they were made for, on the texts
/// of `Scripts/reference/tokenizer_published.py`.
@Suite struct PublishedTokenizerTests {
    @Test(arguments: ["vaayu", "botchan_bpe", "botchan_unigram"])
    func committed(name: String) throws {
        try check(name, PublishedTokenizers.fixtures + name)
    }

    @Test(
        .enabled(
            if: PublishedTokenizers.has(PublishedTokenizers.common),
            "published tokenizers: Scripts/fetch-tokenizers.sh"),
        arguments: PublishedTokenizers.common)
    func common(name: String) throws {
        try check(name, PublishedTokenizers.folder + name)
    }

    @Test(
        .enabled(
            if: PublishedTokenizers.has(PublishedTokenizers.further),
            "encoders' tokenizers: Scripts/fetch-tokenizers.sh --all"),
        arguments: PublishedTokenizers.further)
    func further(name: String) throws {
        try check(name, PublishedTokenizers.folder + name)
    }

    private func check(_ name: String, _ path: String) throws {
        let tokenizer = try PublishedTokenizers.load(path)
        let texts = try PublishedTokenizers.texts()
        let controls = tokenizer.addedTokens.filter { $0.isSpecial && $0.id != tokenizer.unknown }
        for text in texts.suffix(30) + controls.prefix(40).map(\.content) {
            let ids = tokenizer.encode(text, specials: .text)
            #expect(!ids.contains { id in controls.contains { $0.id == id } }, "\(name): \(text)")
        }
        let wrong = try PublishedTokenizers.mismatches(name, tokenizer, texts)
        #expect(wrong.isEmpty, "\(name): \(wrong.joined(separator: " "))")
        try keep(tokenizer, name)
        // What is saved is the same tokenizer.
        let folder = FileManager.default.temporaryDirectory.appending(path: "fledge-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try tokenizer.save(to: folder)
        let again = try TokenizerFile.load(folder)
        try checkModelFile(tokenizer, path, folder)
        // Characters that one normalizer of `tokenizers` cannot treat as SentencePiece does.
        guard !name.hasPrefix("botchan"), name != "unigram" else { return }
        var differing = 0
        for text in texts.prefix(400) + texts.suffix(26)
        where again.encode(text, specials: .text) != tokenizer.encode(text, specials: .text) {
            differing += 1
        }
        #expect(differing == 0, "\(name): \(differing) texts differ after saving")
    }

    /// SentencePiece's own file is kept while it says all that there is.
    private func checkModelFile(
        _ tokenizer: TextTokenizer, _ path: String, _ folder: String
    ) throws {
        let (original, copy) = (path + "/tokenizer.model", folder + "/tokenizer.model")
        guard let bytes = FileManager.default.contents(atPath: original), bytes.first == 0x0A else {
            #expect(!FileManager.default.fileExists(atPath: copy))
            return
        }
        #expect(FileManager.default.contents(atPath: copy) == bytes)
        try FileManager.default.removeItem(atPath: copy)
        var grown = tokenizer
        grown.addSpecial("<new special>")
        try grown.save(to: folder)
        #expect(!FileManager.default.fileExists(atPath: copy))
    }

    /// Leaves what is saved to `Scripts/reference/tokenizer_saved.py`, when it asks for it.
    private func keep(_ tokenizer: TextTokenizer, _ name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["FLEDGE_SAVED_TOKENIZERS"] else {
            return
        }
        var tokenizer = tokenizer
        tokenizer.addSpecial("<new special>")
        tokenizer.addToken("new word")
        try FileManager.default.createDirectory(
            atPath: folder + "/" + name, withIntermediateDirectories: true)
        try tokenizer.save(to: folder + "/" + name)
        let texts = try PublishedTokenizers.texts() + ["a <new special>new word new words"]
        let ids = texts.map { text in
            JSONValue.array(
                tokenizer.encode(text, specials: .parse).map { .integer(Int($0)) })
        }
        try AtomicFile.write(
            JSONValue.array(ids).serialized(), to: folder + "/" + name + "/ids.json")
    }

    /// New tokens get the ids and the borders that `tokenizers` gives them.
    @Test func addedTokens() throws {
        var tokenizer = try PublishedTokenizers.load(PublishedTokenizers.fixtures + "vaayu")
        let count = tokenizer.vocabularyCount
        let grown = [
            tokenizer.addSpecial("<new special>"), tokenizer.addToken("new word"),
            tokenizer.addSpecial("<new special>"), tokenizer.addToken("new word"),
            tokenizer.addToken(""),
        ]
        #expect(grown == [true, true, false, false, false])
        #expect(tokenizer.vocabularyCount == count + 2)
        #expect(tokenizer.id(ofSpecial: "<new special>") == Int32(count))
        let expected = try FixtureTexts.load("published.json")["added"]?.arrayValue ?? []
        #expect(!expected.isEmpty)
        for entry in expected {
            let text = entry["text"]?.stringValue ?? ""
            let ids = (entry["ids"]?.arrayValue ?? []).compactMap(\.intValue).map { Int32($0) }
            #expect(tokenizer.encode(text, specials: .parse) == ids, "\(text)")
        }
    }

    @Test func textsOfManyThreads() throws {
        let tokenizer = try PublishedTokenizers.load(PublishedTokenizers.fixtures + "vaayu")
        let texts = try PublishedTokenizers.texts()
        let expected = texts.map { tokenizer.encode($0, specials: .parse) }
        for threads in [1, 2, 7] {
            #expect(tokenizer.encode(texts, specials: .parse, threads: threads) == expected)
        }
        #expect(tokenizer.encode([String](), specials: .parse).isEmpty)
    }

    @Test func aWrongTokenizerIsNoticed() throws {
        let tokenizer = try PublishedTokenizers.load(PublishedTokenizers.fixtures + "vaayu")
        let wrong = try PublishedTokenizers.mismatches(
            "botchan_bpe", tokenizer, PublishedTokenizers.texts())
        #expect(wrong.count > 100)
    }
}

/// Published tokenizers, the texts that they are compared on, and the digests of what is expected.
enum PublishedTokenizers {
    static let common = [
        "gpt2", "qwen3", "deepseek", "claude", "llama2", "mistral", "gemma", "gemma3", "unigram",
        "llama3", "tekken", "qwen", "cl100k", "o200k", "llama4", "qwen35", "p50k",
    ]
    static let further = ["minilm", "bertcased", "t5"]
    static let folder = Cache.folder + "/tokenizers/"
    static let fixtures =
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures").path + "/"

    static func has(_ names: [String]) -> Bool {
        names.allSatisfy { FileManager.default.fileExists(atPath: folder + $0) }
    }

    /// Tiktoken files have names of their own.
    static func load(_ path: String) throws -> TextTokenizer {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        if let name = names.first(where: { $0.hasSuffix(".tiktoken") }) {
            return try TokenizerFile.load(path + "/" + name)
        }
        return try TokenizerFile.load(path)
    }

    static func texts() throws -> [String] {
        let drawn = try FixtureTexts()
        let fixture = try FixtureTexts.load("published.json")
        let seed = fixture["seed"]?.intValue ?? 0
        var texts = (0..<(fixture["count"]?.intValue ?? 0)).map {
            drawn.text(seed: seed, index: $0)
        }
        func character(_ value: Int) -> String {
            Unicode.Scalar(UInt32(value)).map { String(Character($0)) } ?? ""
        }
        texts += (0..<256).map(character)
        texts += (0..<256).map { character($0) + character(255 - $0) }
        texts += (try FixtureTexts.load("passages.json").arrayValue ?? []).compactMap(\.stringValue)
        return texts
    }

    /// What differs: a kind of digest and the number of its block of texts.
    static func mismatches(
        _ name: String, _ tokenizer: TextTokenizer, _ texts: [String]
    ) throws -> [String] {
        let fixture = try FixtureTexts.load("published.json")
        let size = fixture["block"]?.intValue ?? 1
        guard let entry = fixture["tokenizers"]?[name] else { return ["no digests"] }
        var wrong = [String]()
        for kind in ["text", "parse", "decode"] {
            guard let expected = entry[kind]?.stringValue?.split(separator: " ") else { continue }
            guard expected.count == (texts.count + size - 1) / size else { return ["texts"] }
            for (block, expected) in expected.enumerated() {
                var digest = SHA256()
                for text in texts[(block * size)..<min((block + 1) * size, texts.count)] {
                    let ids = tokenizer.encode(text, specials: kind == "text" ? .text : .parse)
                    if kind == "decode" {
                        let bytes = Array(tokenizer.decode(ids, skippingSpecials: false).utf8)
                        add([Int32(bytes.count)], to: &digest)
                        digest.update(bytes)
                    } else {
                        add([Int32(ids.count)] + ids, to: &digest)
                    }
                }
                if digest.hexadecimal().prefix(12) != expected { wrong.append("\(kind)/\(block)") }
            }
        }
        let whole = texts.suffix(26).prefix(3).map { text in
            JSONValue.array(
                tokenizer.encode(text, specials: .text).map { .integer(Int($0)) })
        }
        if entry["ids"] != .array(Array(whole)) { wrong.append("ids") }
        return wrong
    }

    private static func add(_ numbers: [Int32], to digest: inout SHA256) {
        for number in numbers { withUnsafeBytes(of: number.littleEndian) { digest.update($0) } }
    }
}
