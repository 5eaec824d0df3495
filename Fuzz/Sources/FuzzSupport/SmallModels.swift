/// Tokenizers of each kind, small enough to be read in no time.
public enum SmallModels {
    private static func piece(_ text: String, _ score: Float, _ kind: UInt64) -> [UInt8] {
        var piece = ByteWriter()
        piece.field(1, bytes: Array(text.utf8))
        piece.field(2, float: score)
        piece.field(3, number: kind)
        return piece.bytes
    }

    /// A `tokenizer.model` with a token for each byte.
    public static func sentencePiece(isUnigram: Bool, addsPrefix: Bool) -> [UInt8] {
        var model = ByteWriter()
        model.field(1, bytes: piece("<unk>", 0, 2))
        model.field(1, bytes: piece("<s>", 0, 3))
        model.field(1, bytes: piece("</s>", 0, 3))
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        for byte in 0..<256 {
            let name = "<0x\(digits[byte >> 4])\(digits[byte & 15])>"
            model.field(1, bytes: piece(name, 0, 6))
        }
        model.field(1, bytes: piece("<user>", 0, 4))
        let words = [
            "▁t", "he", "▁the", "in", "er", "▁a", "on", "▁▁", "▁▁▁▁", "é", "你好", "aa", "aaaa", "▁",
            "e", "t", "a", "o", "n", "i", "h", "r", "s", "你", "好", ",", ".", "1", "2", "<", ">",
            "a▁b",
        ]
        for (index, word) in words.enumerated() {
            model.field(1, bytes: piece(word, -Float(index) * 0.25 - 1, 1))
        }
        var trainer = ByteWriter()
        trainer.field(3, number: isUnigram ? 1 : 2)
        model.field(2, bytes: trainer.bytes)
        var normalizer = ByteWriter()
        normalizer.field(3, number: addsPrefix ? 1 : 0)
        normalizer.field(4, number: 0)
        normalizer.field(5, number: 1)
        model.field(3, bytes: normalizer.bytes)
        return model.bytes
    }

    /// BERT's kind of `tokenizer.json`.
    public static let wordPiece: String = {
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789.,é你".unicodeScalars.map { String($0) }
        let tokens =
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] + letters + letters.map { "##" + $0 }
            + ["the", "##ing", "##er", "un", "hello"]
        let vocabulary = tokens.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
        return """
            {"version":"1.0","truncation":null,"padding":null,"added_tokens":[
            {"id":0,"content":"[PAD]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
            {"id":3,"content":"[SEP]","single_word":true,"lstrip":true,"rstrip":true,"normalized":false,"special":true}],
            "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
            "pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":null,
            "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
            "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
            "vocab":{\(vocabulary)}}}
            """
    }()

    /// Mistral's kind of file.
    public static let tekken: String = {
        let bytes = (0..<8).map {
            "{\"rank\":\($0),\"token_bytes\":\"\(["YQ", "Yg", "Yw", "IA", "ZQ", "dA", "YWI", "dGU"][$0])==\",\"token_str\":null}"
        }
        return """
            {"config":{"pattern":"[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n/]*|\\\\s+(?!\\\\S)|\\\\s+","num_vocab_tokens":8,"default_vocab_size":11,"default_num_special_tokens":3,"version":"v3"},
            "vocab":[\(bytes.joined(separator: ","))]}
            """
    }()

    /// The metadata of a GGUF file.
    public static func gguf(_ model: String, _ preTokenizer: String) -> [UInt8] {
        var file = ByteWriter()
        func text(_ text: String, _ file: inout ByteWriter) {
            file.append(UInt64(text.utf8.count))
            file.append(text.utf8)
        }
        func key(_ name: String, _ type: UInt32, _ file: inout ByteWriter) {
            text("tokenizer.ggml." + name, &file)
            file.append(type)
        }
        let tokens = ["<s>", "a", "b", "Ġ", "c", "ab", "Ġc", "▁", "▁a", "<0x0A>", "[UNK]", "e"]
        file.append("GGUF".utf8)
        file.append(UInt32(3))
        file.append(UInt64(0))
        file.append(UInt64(8))
        key("model", 8, &file)
        text(model, &file)
        key("pre", 8, &file)
        text(preTokenizer, &file)
        key("tokens", 9, &file)
        file.append(UInt32(8))
        file.append(UInt64(tokens.count))
        for token in tokens { text(token, &file) }
        key("scores", 9, &file)
        file.append(UInt32(6))
        file.append(UInt64(tokens.count))
        for index in tokens.indices { file.append((-Float(index)).bitPattern) }
        key("token_type", 9, &file)
        file.append(UInt32(5))
        file.append(UInt64(tokens.count))
        for token in tokens {
            file.append(
                Int32(token == "<s>" ? 3 : token == "<0x0A>" ? 6 : token == "[UNK]" ? 2 : 1))
        }
        key("merges", 9, &file)
        file.append(UInt32(8))
        file.append(UInt64(2))
        text("a b", &file)
        text("Ġ c", &file)
        key("bos_token_id", 4, &file)
        file.append(UInt32(0))
        key("unknown_token_id", 4, &file)
        file.append(UInt32(10))
        return file.bytes
    }
}
