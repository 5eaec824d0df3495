internal import FledgeCore

/// Small data sets of every stage beside those of a ``TinyProject``: `texts`, `pairs` and `marks`.
public enum StageSets {
    /// The name of a set for a stage of LLaMA-Factory's name.
    public static func name(of stage: String) -> String {
        switch stage {
        case "pt": "texts"
        case "rm", "dpo": "pairs"
        case "kto": "marks"
        default: "tiny"
        }
    }

    /// Writes the sets into a folder of data, and their entries into its `dataset_info.json`.
    ///
    /// - Parameter count: Rows of each set.
    /// - Throws: ``FledgeError`` when a file cannot be read or written.
    public static func write(to folder: String, count: Int = 14) throws {
        func write(_ name: String, _ row: (Int) -> JSONValue) throws {
            try AtomicFile.write(
                JSONValue.array((0..<count).map(row)).serialized(.indented),
                to: "\(folder)/\(name).json")
        }
        func answer(_ index: Int) -> JSONValue {
            .string(String(repeating: "ab", count: 1 + index % 4))
        }
        try write("texts") { ["text": .string("text \($0) of a few words")] }
        try write("pairs") {
            [
                "question": .string("q \($0)?"), "chosen": answer($0), "rejected": answer($0 + 2),
            ]
        }
        try write("marks") {
            ["question": .string("q \($0)?"), "answer": answer($0), "label": .bool($0 % 3 > 0)]
        }
        let info = folder + "/dataset_info.json"
        var catalog = try JSONValue(contentsOf: info)
        catalog["texts"] = ["file_name": "texts.json", "columns": ["prompt": "text"]]
        catalog["pairs"] = [
            "file_name": "pairs.json", "ranking": true,
            "columns": ["prompt": "question", "chosen": "chosen", "rejected": "rejected"],
        ]
        catalog["marks"] = [
            "file_name": "marks.json",
            "columns": ["prompt": "question", "response": "answer", "kto_tag": "label"],
        ]
        try AtomicFile.write(catalog.serialized(.indented), to: info)
    }
}
