import FledgeCore
import FledgeTokenize
import Foundation
import Testing

/// The test vectors that llama.cpp keeps beside its vocabularies.
@Suite struct LlamaCppVectorTests {
    static let folder = Cache.folder + "/tokenizers/llamacpp/"
    static let names = [
        "bert-bge", "command-r", "deepseek-coder", "deepseek-llm", "falcon", "gemma-4", "gpt-2",
        "llama-bpe", "llama-spm", "mpt", "phi-3", "qwen2", "qwen35", "refact", "starcoder",
    ]

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: folder),
            "llama.cpp's vectors: Scripts/fetch-tokenizers.sh --all"), arguments: names)
    func vectors(name: String) throws {
        let path = Self.folder + "ggml-vocab-\(name).gguf"
        let tokenizer = try TokenizerFile.load(path)
        let input = try String(contentsOfFile: path + ".inp", encoding: .utf8)
        let output = try String(contentsOfFile: path + ".out", encoding: .utf8)
        let texts = input.components(separatedBy: "\n__ggml_vocab_test__\n")
        let lines = output.components(separatedBy: "\n")
        #expect(texts.count > 40 && lines.count >= texts.count - 1)
        var wrong = [String]()
        for (text, line) in zip(texts.dropLast(), lines) {
            let expected = line.split(separator: " ").compactMap { Int32($0) }
            let ids = tokenizer.encode(text, specials: .text)
            if ids != expected {
                wrong.append("\(text.debugDescription): \(ids) in place of \(expected)")
            }
        }
        #expect(wrong.isEmpty, "\(name): \(wrong.count)\n\(wrong.joined(separator: "\n"))")
    }
}
