import Fledge
import FledgeTesting
import Foundation
import Testing

/// Vocabularies of GGUF files that lack something are not read as if they did not.
@Suite struct GGUFVocabularyTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func load(_ change: (inout TinyGGUF) -> Void) throws -> TextTokenizer {
        var file = TinyGGUF()
        change(&file)
        let path = folder.path + "/m.gguf"
        try Data(file.bytes).write(to: URL(fileURLWithPath: path))
        return try TokenizerFile.load(path)
    }

    private func message(_ key: String, _ value: TinyGGUF.Value?) -> String {
        let error = #expect(throws: FledgeError.self) {
            _ = try load { $0.metadata["tokenizer.ggml." + key] = value }
        }
        return error?.description ?? ""
    }

    @Test func mergesMustBeThereWhereTokensNeedThem() throws {
        let whole = try load { _ in }
        #expect(whole.encode("abc", specials: .text) == [20, 2])
        for value in [nil, .texts([])] as [TinyGGUF.Value?] {
            let text = message("merges", value)
            #expect(text.contains("tokenizer.ggml.merges") && text.contains("'ab'"), "\(text)")
        }
        #expect(message("merges", .int32s([1])).contains("tokenizer.ggml.merges is a list of 1"))
        // Single bytes and control tokens need none.
        let letters = try load {
            $0.metadata["tokenizer.ggml.merges"] = nil
            $0.metadata["tokenizer.ggml.token_type"] = .int32s(
                Array(repeating: 1, count: 20) + [3, 3, 3, 3])
        }
        #expect(letters.encode("cab", specials: .text).count == 3)
    }

    @Test func listsHaveOneEntryForEachToken() {
        #expect(message("token_type", .int32s([1, 1])).contains("2 tokenizer.ggml.token_type"))
        #expect(message("scores", .float32s([0])).contains("1 tokenizer.ggml.scores"))
        #expect(message("token_type", .text("x")).contains("tokenizer.ggml.token_type is the text"))
        #expect(message("pre", .uint32(1)).contains("tokenizer.ggml.pre is 1"))
        #expect(message("add_bos_token", .text("yes")).contains("tokenizer.ggml.add_bos_token"))
    }

    @Test func specialTokensAreThoseOfTheMetadata() throws {
        let whole = try load { _ in }
        #expect(whole.beginOfText == 21 && whole.endOfText == 22 && whole.padding == 23)
        let lost = try load { $0.metadata["tokenizer.ggml.eos_token_id"] = .uint32(99) }
        #expect(lost.endOfText == nil)
    }

    /// An added end of text has no vector: the cause is the file's metadata, not the template.
    @Test func aMissingEndOfTextIsTheCause() throws {
        var file = TinyGGUF()
        file.metadata["tokenizer.ggml.eos_token_id"] = nil
        let path = folder.path + "/m.gguf"
        try Data(file.bytes).write(to: URL(fileURLWithPath: path))
        let configuration = try RunConfiguration(
            yaml: "model_name_or_path: \(path)\ntemplate: default\n", file: "run.yaml",
            environment: [:])
        let side = try TextSide(configuration)
        let model = try Checkpoint(path: path).causalLM()
        let error = #expect(throws: FledgeError.self) { try side.requireFits(model) }
        let text = error?.description ?? ""
        #expect(text.contains("tokenizer.ggml.eos_token_id"), "\(text)")
        #expect(!text.contains("Choose the template"), "\(text)")
    }
}
