import FledgeCore
import FledgeTokenize
import Testing

/// What is put before and after a text with `add_special_tokens=True`.
@Suite struct SurroundingsTests {
    private func tokenizer(_ processor: JSONValue) throws -> TextTokenizer {
        try TextTokenizer(
            json: [
                "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
                "post_processor": processor,
                "model": [
                    "type": "BPE", "vocab": ["a": 0, "<s>": 1, "</s>": 2, "<x>": 3], "merges": [],
                ],
            ], file: "test")
    }

    private func template(_ before: [String], _ after: [String]) -> JSONValue {
        func pieces(_ names: [String]) -> [JSONValue] {
            names.map { ["SpecialToken": ["id": .string($0), "type_id": 0]] }
        }
        var specials: JSONValue = [:]
        for (name, id) in [("<s>", 1), ("</s>", 2), ("<x>", 3)] {
            specials[name] = [
                "id": .string(name), "ids": [.integer(id)], "tokens": [.string(name)],
            ]
        }
        let text: [JSONValue] = [["Sequence": ["id": "A", "type_id": 0]]]
        return [
            "type": "TemplateProcessing", "single": .array(pieces(before) + text + pieces(after)),
            "pair": [], "special_tokens": specials,
        ]
    }

    private func expect(
        _ processor: JSONValue, _ prefix: [Int32], _ suffix: [Int32],
        location: SourceLocation = #_sourceLocation
    ) throws {
        let added = try tokenizer(processor).addedAroundText
        #expect(added.prefix == prefix && added.suffix == suffix, sourceLocation: location)
    }

    @Test func processors() throws {
        try expect(.null, [], [])
        try expect(["type": "ByteLevel", "trim_offsets": true], [], [])
        try expect(template(["<s>"], []), [1], [])
        try expect(template(["<x>", "<s>"], ["</s>"]), [3, 1], [2])
        try expect(
            ["type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]], [1], [2])
        try expect(
            [
                "type": "Sequence",
                "processors": [
                    ["type": "ByteLevel"], template(["<s>"], []), template(["<x>"], ["</s>"]),
                ],
            ], [3, 1], [2])
    }

    @Test func metadataOfGGUF() throws {
        func added(
            _ name: String, _ begin: Bool?, _ end: Bool?
        ) throws -> (prefix: [Int32], suffix: [Int32]) {
            var vocabulary = GGUFVocabulary(
                model: "gpt2", preTokenizer: name,
                tokens: ["a", "<s>", "</s>"].map { Array($0.utf8) }, tokenTypes: [1, 3, 3],
                merges: [])
            (vocabulary.beginOfText, vocabulary.endOfText) = (1, 2)
            (vocabulary.addsBeginOfText, vocabulary.addsEndOfText) = (begin, end)
            let tokenizer = try TextTokenizer(vocabulary, file: "test")
            // What is saved says the same.
            let saved = try TextTokenizer(json: tokenizer.json, file: "saved").addedAroundText
            #expect(saved == tokenizer.addedAroundText)
            return saved
        }
        #expect(try added("smollm", nil, nil) == ([], []))
        #expect(try added("smollm", true, true) == ([1], [2]))
        #expect(try added("llama-bpe", nil, nil) == ([1], []))
        #expect(try added("llama-bpe", false, nil) == ([], []))
    }
}
