import FledgeCore

/// Files of `tokenizer.json` with one stage each.
enum SmallStages {
    private static let models: [JSONValue] = [
        [
            "type": "BPE", "byte_fallback": true, "fuse_unk": true, "unk_token": "<unk>",
            "vocab": [
                "<unk>": 0, "▁": 1, "a": 2, "b": 3, "ab": 4, "▁ab": 5, "<0x0A>": 6, "e": 7, "é": 8,
            ], "merges": ["a b", ["▁", "ab"]],
        ],
        [
            "type": "BPE", "ignore_merges": true, "continuing_subword_prefix": "##",
            "end_of_word_suffix": "</w>",
            "vocab": ["a": 0, "##b": 1, "ab": 2, "##b</w>": 3, "ab</w>": 4, "a</w>": 5],
            "merges": ["a ##b", "a ##b</w>"],
        ],
        [
            "type": "Unigram", "unk_id": 0, "byte_fallback": true,
            "vocab": [["<unk>", 0], ["▁", -2], ["a", -1.5], ["ab", -1], ["<0xC3>", -3]],
        ],
        ["type": "WordLevel", "unk_token": "a", "vocab": ["a": 0, "Text": 1, "<s>": 2]],
        [
            "type": "BPE", "vocab": ["Ġ": 0, "a": 1, "b": 2, "ab": 3, "Ã": 4, "©": 5, "Ã©": 6],
            "merges": ["a b", "Ã ©"],
        ],
    ]

    static func all(_ fixture: JSONValue) -> [JSONValue] {
        let added: JSONValue = [
            ["id": 2, "content": "<s>", "special": true, "lstrip": true, "normalized": false],
            [
                "id": 12, "content": "é b", "special": false, "single_word": true,
                "normalized": true,
            ],
        ]
        var result = [JSONValue]()
        for (index, stage) in (fixture["stages"]?.arrayValue ?? []).enumerated() {
            var json: JSONValue = ["added_tokens": added]
            json[stage["kind"]?.stringValue ?? ""] = stage["value"] ?? .null
            json["model"] = models[index % models.count]
            result.append(json)
        }
        for (index, decoder) in (fixture["decoders"]?.arrayValue ?? []).enumerated() {
            result.append([
                "decoder": decoder["value"] ?? .null, "model": models[index % models.count],
                "post_processor": [
                    "type": "TemplateProcessing",
                    "single": [
                        ["SpecialToken": ["id": "a", "type_id": 0]], ["Sequence": ["id": "A"]],
                    ],
                    "special_tokens": ["a": ["id": "a", "ids": [2], "tokens": ["a"]]],
                ],
            ])
        }
        return result
    }
}
