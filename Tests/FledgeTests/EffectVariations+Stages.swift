import Fledge
import FledgeTesting
import Foundation

extension Variation {
    private static let pairs = ["stage=dpo", "dataset=pairs"]
    private static let marks = ["stage=kto", "dataset=marks"]

    /// Keys of preferences.
    static let preference: [String: Variation] = [
        "pref_loss": .init(.run, "hinge", pairs), "pref_beta": .init(.run, "0.7", pairs),
        "pref_ftx": .init(.run, "0.5", pairs), "pref_bco_weight": .init(.run, "0.5", pairs),
        "dpo_label_smoothing": .init(.run, "0.2", pairs),
        "simpo_gamma": .init(.run, "1.5", pairs + ["pref_loss=simpo"]),
        "ld_alpha": .init(.run, "0.3", pairs),
        "kto_chosen_weight": .init(.run, "2", marks),
        "kto_rejected_weight": .init(.run, "2", marks),
        "ref_model": .init(.run, "@other-model", pairs),
        "ref_model_adapters": .init(
            .run, "@adapters/first", pairs + ["ref_model=@model"]),
        "ref_model_quantization_bit": .init(.run, "4", pairs + ["ref_model=@model"]),
        "precompute_ref_log_probs": .init(.run, "true", pairs),
        "value_head_dropout": .init(.run, "0", ["stage=rm", "dataset=pairs"]),
        "ref_policy": .init(.run, "start", pairs + ["adapter_name_or_path=@adapters/first"]),
    ]

    /// Keys of losses of single tokens.
    static let tokenLosses: [String: Variation] = [
        "use_dft_loss": .init(.run, "true"), "use_eaft_loss": .init(.run, "true"),
        "eaft_alpha": .init(.run, "2", "use_eaft_loss=true"),
        "use_asft_loss": .init(.run, "true"),
        "asft_alpha": .init(.run, "3", "use_asft_loss=true"),
        "do_predict": .init(.run, "true", ["stage=rm", "dataset=pairs", "val_size=2"]),
        "predict_with_generate": .init(.run, "true", ["val_size=3", "eval_strategy=epoch"]),
        "metric_for_best_model": .init(
            .run, "accuracy",
            [
                "compute_accuracy=true", "val_size=3", "eval_strategy=steps", "eval_steps=1",
                "early_stopping_steps=1",
            ]),
        "compute_accuracy": .init(.run, "true", ["val_size=3", "eval_strategy=epoch"]),
        "label_smoothing_factor": .init(.run, "0.2"), "neftune_noise_alpha": .init(.run, "5"),
    ]

    private init(_ watched: Workshop.Part, _ value: String, _ beside: [String]) {
        self.init(watched: watched, value: value, beside: beside)
    }
}

extension Workshop {
    /// Pairs, and marked answers.
    func writePreferences() throws {
        let words = ["ab", "cde", "f", "ghij", "kl", "m"]
        let pairs = words.enumerated().map { index, word -> JSONValue in
            [
                "instruction": .string("so \(index)?"), "chosen": .string(word),
                "rejected": .string(String(word.reversed()) + "x"),
            ]
        }
        let marks = words.enumerated().map { index, word -> JSONValue in
            [
                "instruction": .string("so \(index)?"), "output": .string(word),
                "label": .bool(index % 2 == 0),
            ]
        }
        let path = project.file("data/dataset_info.json")
        var catalog = try JSONValue(contentsOf: path)
        for (name, rows) in [("pairs", pairs), ("marks", marks)] {
            try AtomicFile.write(
                JSONValue.array(rows).serialized(), to: project.file("data/\(name).json"))
        }
        catalog["pairs"] = [
            "file_name": "pairs.json", "ranking": true,
            "columns": ["prompt": "instruction", "chosen": "chosen", "rejected": "rejected"],
        ]
        catalog["marks"] = [
            "file_name": "marks.json",
            "columns": ["prompt": "instruction", "response": "output", "kto_tag": "label"],
        ]
        try AtomicFile.write(catalog.serialized(), to: path)
    }
}
