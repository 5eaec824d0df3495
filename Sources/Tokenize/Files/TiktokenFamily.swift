/// What tiktoken files leave out: patterns and control tokens of a family of models.
struct TiktokenFamily: Sendable {
    var name: String
    var tokenCount: Int
    var pattern: String
    var specials: [AddedToken]
    var begin: String?
    var end = "<|endoftext|>"
    var isComposed = false

    private static func specials(_ tokens: [(String, Int32)]) -> [AddedToken] {
        tokens.map { AddedToken($0.0, id: $0.1) }
    }

    private static func llama(
        _ first: Int32, _ names: [String], reserved: String, total: Int32
    ) -> [AddedToken] {
        var number = -1
        var result = names.enumerated().map { offset, name -> AddedToken in
            if name.isEmpty { number += 1 }
            let text = name.isEmpty ? reserved.replacing("#", by: String(number)) : name
            return AddedToken(text, id: first + Int32(offset))
        }
        while result.count < total {
            number += 1
            result.append(
                AddedToken(
                    reserved.replacing("#", by: String(number)), id: first + Int32(result.count)))
        }
        return result
    }

    private static func reserved(_ kind: String, _ numbers: Range<Int>) -> [String] {
        numbers.map { "<|\(kind)_reserved_special_token_\($0)|>" }
    }

    /// The control tokens of Llama 4 in the order of their ids, but those that only fill up
    /// (llama-models, models/llama4/tokenizer.py).
    private static let llama4: [String] =
        [
            "<|begin_of_text|>", "<|end_of_text|>", "<|fim_prefix|>", "<|fim_middle|>",
            "<|fim_suffix|>", "<|header_start|>", "<|header_end|>", "<|eom|>", "<|eot|>",
            "<|step|>",
        ] + reserved("text_post_train", 0..<6)
        + ["<|python_start|>", "<|python_end|>", "<|finetune_right_pad|>"]
        + reserved("text_post_train", 8..<69) + ["<|image_start|>", "<|image_end|>"]
        + reserved("vision", 0..<2) + ["<|tile_x_separator|>", "<|tile_y_separator|>"]
        + reserved("vision", 2..<6) + ["<|image|>"] + reserved("vision", 6..<7) + ["<|patch|>"]
        + reserved("vision", 7..<1048) + reserved("reasoning", 0..<8)
        + ["<|reasoning_thinking_start|>", "<|reasoning_thinking_end|>"]

    /// Those of Qwen 3.5 and 3.6.
    private static let qwen35 = [
        "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
        "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
        "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>", "<tool_call>",
        "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
        "<|repo_name|>", "<|file_sep|>", "<tool_response>", "</tool_response>", "<think>",
        "</think>",
        "<|audio_start|>", "<|audio_end|>", "<tts_pad>", "<tts_text_bos>", "<tts_text_eod>",
        "<tts_text_bos_single>", "<|audio_pad|>",
    ]

    static let named: [TiktokenFamily] = [
        TiktokenFamily(
            name: "r50k_base", tokenCount: 50256, pattern: SplitPatterns.gpt2,
            specials: specials([("<|endoftext|>", 50256)])),
        TiktokenFamily(
            name: "p50k_base", tokenCount: 50280, pattern: SplitPatterns.gpt2,
            specials: specials([("<|endoftext|>", 50256)])),
        TiktokenFamily(
            name: "cl100k_base", tokenCount: 100256, pattern: SplitPatterns.cl100k,
            specials: specials([
                ("<|endoftext|>", 100257), ("<|fim_prefix|>", 100258), ("<|fim_middle|>", 100259),
                ("<|fim_suffix|>", 100260), ("<|endofprompt|>", 100276),
            ])),
        TiktokenFamily(
            name: "o200k_base", tokenCount: 199998, pattern: SplitPatterns.o200k,
            specials: specials([("<|endoftext|>", 199999), ("<|endofprompt|>", 200018)])),
        TiktokenFamily(
            name: "Llama 3", tokenCount: 128000, pattern: SplitPatterns.cl100k,
            specials: llama(
                128000,
                [
                    "<|begin_of_text|>", "<|end_of_text|>", "", "", "<|finetune_right_pad_id|>", "",
                    "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>",
                    "<|python_tag|>",
                ], reserved: "<|reserved_special_token_#|>", total: 256),
            begin: "<|begin_of_text|>", end: "<|end_of_text|>"),
        TiktokenFamily(
            name: "Qwen", tokenCount: 151643, pattern: SplitPatterns.qwen2,
            specials: llama(
                151643, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], reserved: "<|extra_#|>",
                total: 208), isComposed: true),
        TiktokenFamily(
            name: "Llama 4", tokenCount: 200000, pattern: SplitPatterns.o200k,
            specials: llama(
                200000, llama4, reserved: "<|reserved_special_token_#|>", total: 2048),
            begin: "<|begin_of_text|>", end: "<|end_of_text|>"),
        TiktokenFamily(
            name: "Qwen 3.5", tokenCount: 248044, pattern: SplitPatterns.qwen35,
            specials: llama(248044, qwen35, reserved: "", total: 33), isComposed: true),
    ]
}
