import FledgeCore
import FledgeTokenize
import FuzzSupport

/// Any bytes as a tokenizer's file: it is read or refused by an error of our own, and what was read can
/// be used and saved.
@main struct TokenizerFiles: FuzzTarget {
    private let files = InputFile()

    func run(_ input: UnsafeRawBufferPointer) {
        guard let kind = input.first else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: input.dropFirst())
        do {
            switch kind {
            case UInt8(ascii: "J"): try readJSON(bytes)
            case UInt8(ascii: "M"):
                // A vocabulary and its merges, with a zero byte between.
                let cut = bytes.firstIndex(of: 0) ?? bytes.count
                let path = files.write(
                    UnsafeRawBufferPointer(rebasing: bytes[..<cut]), "vocab.json")
                _ = files.write(
                    UnsafeRawBufferPointer(rebasing: bytes[cut...].dropFirst()), "merges.txt")
                try use(TokenizerFile.load(path))
            default: try use(TokenizerFile.load(files.write(bytes, "tokenizer.model")))
            }
        } catch let error as FledgeError {
            demand(!error.message.isEmpty, "an error without a message")
        } catch { fatalError("\(error) is no error of our own") }
    }

    private func readJSON(_ bytes: UnsafeRawBufferPointer) throws {
        let value = try JSONValue(parsing: bytes, file: "input")
        let again = try JSONValue(parsing: value.serialized())
        demand(again == value, "\(value) is not \(again)")
        demand(
            try JSONValue(parsing: JSONWriter.bytes(of: value, .indented), file: "i") == value, "i")
    }

    private func use(_ tokenizer: TextTokenizer) throws {
        for text in ["", "Text <|im_end|> 12 é 你 \u{1F600}  \t\n", "the ▁a<s>[UNK] abc'LL <0x0A>"] {
            let ids = tokenizer.encode(text, specials: .parse)
            _ = tokenizer.encode(text, specials: .text)
            _ = tokenizer.decode(ids, skippingSpecials: false)
        }
        _ = tokenizer.addedAroundText
        _ = tokenizer.decode([-1, 0, 3, .max, .min], skippingSpecials: true)
        _ = tokenizer.json
        _ = tokenizer.configuration
    }

    func writeSeeds(_ folder: SeedFolder) {
        func write(_ kind: Character, _ bytes: [UInt8], _ name: String) {
            folder.write(Array(String(kind).utf8) + bytes, name)
        }
        for isUnigram in [false, true] {
            let model = SmallModels.sentencePiece(isUnigram: isUnigram, addsPrefix: true)
            write("F", model, "pieces-\(isUnigram)")
        }
        write("F", Array(SmallModels.wordPiece.utf8), "wordpiece")
        write("F", Array(SmallModels.tekken.utf8), "tekken")
        write("F", Array("YQ== 0\nYg== 1\nYWI= 2\n".utf8), "tiktoken")
        for (model, name) in [
            ("gpt2", "gpt-2"), ("gpt2", "deepseek-coder"), ("gpt2", "kimi-k2"),
            ("llama", "default"),
            ("t5", "default"), ("bert", "x"), ("gemma4", "gemma4"),
        ] {
            write("F", SmallModels.gguf(model, name), "gguf-\(model)-\(name)")
        }
        write(
            "M",
            Array(#"{"a":0,"b":1,"Ġ":2,"ab":3,"Ġab":4}"#.utf8) + [0]
                + Array("#version: 0.2\na b\nĠ ab\n".utf8), "merges")
        let stages = Fixtures.json("TokenizeTests", "stages.json")
        write("J", Array(#"{"a":[1,-2.5e3,null,true,"\u00e9\n\ud83d\ude00"],"":{}}"#.utf8), "json")
        for (index, stage) in SmallStages.all(stages).enumerated() {
            write("F", JSONWriter.bytes(of: stage, .dense), "stage-\(index)")
        }
    }
}
