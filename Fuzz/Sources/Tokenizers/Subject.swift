import FledgeCore
import FledgeTokenize
import Foundation
import FuzzSupport

/// A tokenizer whose promises are put to the test.
struct Subject: Sendable {
    /// What decoding the ids of a text gives back.
    enum Promise: Sendable {
        /// The text itself.
        case text
        /// The text with spaces for SentencePiece's marks of spaces.
        case textWithoutMarks
        case nothing
    }

    let name: String
    let tokenizer: TextTokenizer
    /// Loads the tokenizer again, with nothing remembered of other texts.
    let reload: (@Sendable () throws -> TextTokenizer)?
    let promise: Promise
    /// What is saved and loaded again, where that gives the same ids.
    let saved: TextTokenizer?

    init(
        _ name: String, _ promise: Promise, isSavedExactly: Bool = true, reloads: Bool = true,
        _ load: @escaping @Sendable () throws -> TextTokenizer
    ) throws {
        self.name = name
        self.promise = promise
        tokenizer = try load()
        reload = reloads ? load : nil
        saved = isSavedExactly ? try TextTokenizer(json: tokenizer.json, file: name) : nil
    }

    private static func model(_ bytes: [UInt8], _ files: InputFile) throws -> TextTokenizer {
        try TokenizerFile.load(bytes.withUnsafeBytes { files.write($0, "tokenizer.model") })
    }

    /// Small tokenizers of each kind, and those in the folders of the folder FUZZ_TOKENIZERS.
    static func all(_ files: InputFile) throws -> [Subject] {
        func fixture(_ name: String) -> @Sendable () throws -> TextTokenizer {
            { try TokenizerFile.load(Fixtures.path("TokenizeTests", name)) }
        }
        var result = [
            try Subject("vaayu", .text, fixture("vaayu")),
            try Subject("botchan_bpe", .nothing, isSavedExactly: false, fixture("botchan_bpe")),
            try Subject(
                "botchan_unigram", .nothing, isSavedExactly: false, fixture("botchan_unigram")),
            try Subject("WordPiece", .nothing) {
                try TextTokenizer(json: JSONValue(parsing: SmallModels.wordPiece), file: "x")
            },
        ]
        for (isUnigram, addsPrefix) in [(false, true), (false, false), (true, true)] {
            let bytes = SmallModels.sentencePiece(isUnigram: isUnigram, addsPrefix: addsPrefix)
            result.append(
                try Subject(
                    "pieces \(isUnigram) \(addsPrefix)", .textWithoutMarks,
                    isSavedExactly: !isUnigram
                ) { try model(bytes, files) })
        }
        let tiny = Fixtures.json("TokenizeTests", "tiny.json")
        for variant in tiny["variants"]?.members ?? [] {
            guard var json = tiny["base"] else { continue }
            for part in variant.value.members ?? [] {
                if part.key == "model" {
                    var model = json["model"] ?? [:]
                    for member in part.value.members ?? [] { model[member.key] = member.value }
                    json["model"] = model
                } else {
                    json[part.key] = part.value
                }
            }
            result.append(
                try Subject("tiny " + variant.key, .nothing) { [json] in
                    try TextTokenizer(json: json, file: "tiny")
                })
        }
        guard let folder = ProcessInfo.processInfo.environment["FUZZ_TOKENIZERS"] else {
            return result
        }
        let lossless = ["gpt2", "deepseek", "llama3", "tekken", "cl100k", "o200k", "p50k"]
        let pieces = ["llama2", "mistral", "gemma", "gemma3"]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
            var path = folder + "/" + name
            let inside = try FileManager.default.contentsOfDirectory(atPath: path)
            if let file = inside.first(where: { $0.hasSuffix(".tiktoken") }) { path += "/" + file }
            // The vocabularies of llama.cpp lie in one folder, without a tokenizer by itself.
            guard !inside.contains(where: { $0.hasSuffix(".gguf") }) else { continue }
            result.append(
                try Subject(
                    name,
                    lossless.contains(name)
                        ? .text : pieces.contains(name) ? .textWithoutMarks : .nothing,
                    isSavedExactly: name != "unigram", reloads: false
                ) { [path] in try TokenizerFile.load(path) })
        }
        return result
    }
}
