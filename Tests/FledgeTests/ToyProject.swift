import Fledge
import FledgeTesting
import Foundation

/// The specification's toy model, adapter, tokenizer and eight rows, as files of a run.
final class ToyProject {
    private let folder: TemporaryFolder
    var path: String { folder.path }

    private static let rows = [
        ("a b c", "d e f", "s"), ("g h", "i j k l", ""), ("b d f h j l", "a", ""),
        ("m n o p", "q r s t", "k"), ("t s r", "q p o n m", ""), ("c c d", "e e", ""),
        ("f a c e", "b e d", ""), ("l o g", "h i t", ""),
    ]

    init() throws {
        folder = try TemporaryFolder()
        try Folder.create(path + "/model")
        let model = try TinyModel.make()
        try model.save(to: path + "/model", as: .float32)
        try Self.tokenizer().save(to: path + "/model")
        var adapters = try model.attach(
            LoRA(rank: 4, alpha: 8, targets: .named(["q_proj", "v_proj"])), seed: 1)
        for parameter in adapters.parameters {
            parameter.value = TinyModel.tensor(parameter.name, parameter.value.shape)
        }
        adapters.configuration.baseModel = path + "/model"
        try Folder.create(path + "/adapter")
        try adapters.save(to: path + "/adapter")
        try ValueHead(
            weight: TinyModel.tensor("v_head.summary.weight", [1, 16]),
            bias: TinyModel.tensor("v_head.summary.bias", [1])
        ).save(to: path + "/adapter")
        try writeData()
    }

    /// Words of one letter, as the specification has them.
    private static func tokenizer() throws -> TextTokenizer {
        let words =
            ["<pad>", "<s>", "</s>", "<unk>"]
            + (0..<20).map { String(UnicodeScalar(UInt8(97 + $0))) }
        let added = words.prefix(4).enumerated().map { id, content -> JSONValue in
            [
                "id": .integer(id), "content": .string(content), "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false, "special": true,
            ]
        }
        return try TextTokenizer(
            json: [
                "version": "1.0", "added_tokens": .array(added), "normalizer": nil,
                "pre_tokenizer": ["type": "WhitespaceSplit"], "post_processor": nil,
                "decoder": nil,
                "model": [
                    "type": "WordLevel", "unk_token": "<unk>",
                    "vocab": .object(words.enumerated().map { .init($1, .integer($0)) }),
                ],
            ],
            configuration: [
                "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
                "unk_token": "<unk>", "tokenizer_class": "PreTrainedTokenizerFast",
            ], file: "toy")
    }

    private func writeData() throws {
        try Folder.create(path + "/data")
        func write(_ name: String, _ rows: [JSONValue]) throws {
            try AtomicFile.write(
                JSONValue.array(rows).serialized(), to: "\(path)/data/\(name).json")
        }
        func reversed(_ text: String) -> String {
            text.split(separator: " ").reversed().joined(separator: " ")
        }
        let texts = Self.rows.map { prompt, answer, system -> [String: JSONValue] in
            [
                "instruction": .string(prompt), "input": "", "output": .string(answer),
                "system": .string(system), "rejected": .string(reversed(prompt)),
                "text": .string(prompt + " " + answer),
            ]
        }
        func pick(_ keys: String...) -> [JSONValue] {
            texts.map { row in .object(keys.map { .init($0, row[$0] ?? "") }) }
        }
        try write("toy", pick("instruction", "input", "output", "system"))
        try write("pairs", pick("instruction", "output", "rejected", "system"))
        try write("texts", pick("text"))
        try write(
            "marks",
            texts.enumerated().map { index, row in
                [
                    "instruction": row["instruction"] ?? "", "output": row["output"] ?? "",
                    "label": .bool(![1, 4, 7].contains(index)),
                ]
            })
        let catalog: JSONValue = [
            "toy": [
                "file_name": "toy.json",
                "columns": [
                    "prompt": "instruction", "query": "input", "response": "output",
                    "system": "system",
                ],
            ],
            "pairs": [
                "file_name": "pairs.json", "ranking": true,
                "columns": [
                    "prompt": "instruction", "chosen": "output", "rejected": "rejected",
                    "system": "system",
                ],
            ],
            "texts": ["file_name": "texts.json", "columns": ["prompt": "text"]],
            "marks": [
                "file_name": "marks.json",
                "columns": ["prompt": "instruction", "response": "output", "kto_tag": "label"],
            ],
        ]
        try AtomicFile.write(catalog.serialized(), to: path + "/data/dataset_info.json")
    }

    /// The specification's common options, with more.
    func configuration(
        _ more: [String], methods: [any TrainingMethod] = .standard
    ) throws -> RunConfiguration {
        let yaml = """
            model_name_or_path: \(path)/model
            template: default
            dataset_dir: \(path)/data
            output_dir: \(path)/out
            overwrite_output_dir: true
            do_train: true
            reference_quirks: all
            cutoff_len: 32
            per_device_train_batch_size: 2
            gradient_accumulation_steps: 2
            num_train_epochs: 2
            learning_rate: 0.01
            lr_scheduler_type: linear
            logging_steps: 1
            save_strategy: no
            allowed_faults: all
            """
        return try RunConfiguration(
            yaml: yaml, file: "toy.yaml", overrides: more, methods: methods, environment: [:])
    }

    /// A cache that no other project has.
    var cache: TokenizedCache { TokenizedCache(path: path + "/cache") }

    /// What a run logged.
    func history(
        _ more: [String], announce: @escaping (String) -> Void = { _ in }
    ) throws -> [LogEntry] {
        try TrainingRecipe(configuration(more), cache: cache, announce: announce).run()
        return try TrainerState(path: path + "/out/trainer_state.json").logHistory
    }
}
