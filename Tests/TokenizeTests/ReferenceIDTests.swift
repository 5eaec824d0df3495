import FledgeCore
import FledgeTokenize
import Testing

/// Ids and decoded texts equal those of the `tokenizers` library.
@Suite struct ReferenceIDTests {
    @Test(arguments: [
        "gpt2", "prefix", "smollm", "digit runs", "llama3", "qwen2", "whole", "unknown", "fused",
        "added",
    ])
    func variant(_ name: String) throws {
        let fixture = try FixtureTexts.load("tiny.json")
        let tokenizer = try TinyTokenizer.make(name, fixture)
        let wrong = try FixtureTexts().mismatches(tokenizer, fixture["digests"]?[name] ?? .null)
        #expect(
            wrong.count == 0, "\(wrong.count) of 600: \(wrong.prefix(3).joined(separator: "\n"))")
    }

    @Test(.enabled(if: Cache.hasModel)) func smolLM2FromGGUF() throws {
        let tokenizer = try TokenizerFile.load(Cache.model)
        #expect(tokenizer.vocabularyCount == 49152)
        #expect(tokenizer.beginOfText == 1 && tokenizer.endOfText == 2)
        #expect(tokenizer.padding == 2 && tokenizer.unknown == 0)
        let wrong = try FixtureTexts().mismatches(tokenizer, FixtureTexts.load("smollm2.json"))
        #expect(
            wrong.count == 0, "\(wrong.count) of 4000: \(wrong.prefix(3).joined(separator: "\n"))")
    }

    @Test func aWrongTokenizerIsNoticed() throws {
        let fixture = try FixtureTexts.load("tiny.json")
        let tokenizer = try TinyTokenizer.make("smollm", fixture)
        #expect(
            try !FixtureTexts().mismatches(tokenizer, fixture["digests"]?["gpt2"] ?? .null).isEmpty)
    }
}
