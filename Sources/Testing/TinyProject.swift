internal import FledgeCore
public import FledgeModel
public import FledgeTokenize
internal import Foundation

/// A temporary folder with everything that a run needs: a complete model folder of a few thousand
/// parameters, and two small data sets.
///
/// `model/` holds a tiny Llama with a tokenizer of single bytes, `data/` the data sets `tiny` (twelve
/// rows) and `other` (four rows). The folder goes with its owner.
public final class TinyProject {
    private let folder: TemporaryFolder

    /// The folder's path.
    public var path: String { folder.path }

    /// Writes the folder.
    public init() throws {
        folder = try TemporaryFolder()
        try Self.writeModel(to: path + "/model")
        try Self.writeData(to: path + "/data")
    }

    /// The path of something in the folder.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Sizes of the model.
    public static let configuration = DecoderConfiguration(
        hiddenSize: 16, intermediateSize: 24, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
        headDimension: 4, vocabularySize: 264, rmsNormEpsilon: 1e-5, ropeTheta: 10_000,
        maxPositions: 512)

    /// Writes a complete model folder: configuration, weights and tokenizer.
    public static func writeModel(
        to folder: String, _ configuration: DecoderConfiguration = configuration
    ) throws {
        try Folder.create(folder)
        try TinyModel.make(configuration).save(to: folder, as: .float32)
        try tokenizer().save(to: folder)
    }

    /// A tokenizer whose words are single bytes, with the control tokens of the template `chatml`.
    public static func tokenizer() throws -> TextTokenizer {
        let specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
        var vocabulary = specials.enumerated().map { JSONValue.Member($1, .integer($0)) }
        vocabulary += (0..<256).map { byte in
            JSONValue.Member(character(of: UInt8(byte)), .integer(byte + specials.count))
        }
        let byteLevel: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
        ]
        let added = specials.enumerated().map { id, content -> JSONValue in
            [
                "id": .integer(id), "content": .string(content), "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false, "special": true,
            ]
        }
        return try TextTokenizer(
            json: [
                "version": "1.0", "added_tokens": .array(added), "normalizer": nil,
                "pre_tokenizer": byteLevel, "decoder": byteLevel,
                "post_processor": [
                    "type": "TemplateProcessing",
                    "single": [
                        ["SpecialToken": ["id": "<|endoftext|>", "type_id": 0]],
                        ["Sequence": ["id": "A", "type_id": 0]],
                    ],
                    "pair": [["Sequence": ["id": "A", "type_id": 0]]],
                    "special_tokens": [
                        "<|endoftext|>": [
                            "id": "<|endoftext|>", "ids": [0], "tokens": ["<|endoftext|>"],
                        ]
                    ],
                ], "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": []],
            ], configuration: ["eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"],
            file: "tiny")
    }

    /// The character that byte-level vocabularies write for a byte.
    private static func character(of byte: UInt8) -> String {
        func isPrintable(_ byte: UInt8) -> Bool {
            (33...126).contains(byte) || (161...172).contains(byte) || byte >= 174
        }
        guard !isPrintable(byte) else { return String(UnicodeScalar(byte)) }
        let index = (0..<byte).count { !isPrintable($0) }
        return UnicodeScalar(UInt32(256 + index)).map { String($0) } ?? ""
    }

    private static func writeData(to folder: String) throws {
        try Folder.create(folder)
        func rows(_ count: Int, _ word: String) -> JSONValue {
            .array(
                (0..<count).map { index in
                    [
                        "instruction": .string("\(word) \(index)?"), "input": "",
                        "output": .string(String(repeating: "ab", count: 2 + index % 3)),
                        "system": index % 4 == 1 ? "be <|im_end|> brief" : "",
                        "history": index % 3 == 0 ? [["so?", "so"]] : [],
                    ]
                })
        }
        let columns: JSONValue = [
            "prompt": "instruction", "query": "input", "response": "output", "system": "system",
            "history": "history",
        ]
        var catalog: JSONValue = [:]
        for (name, count) in [("tiny", 12), ("other", 4)] {
            try AtomicFile.write(
                rows(count, name).serialized(.indented), to: "\(folder)/\(name).json")
            catalog[name] = ["file_name": .string(name + ".json"), "columns": columns]
        }
        try AtomicFile.write(catalog.serialized(.indented), to: folder + "/dataset_info.json")
    }
}
