public import FledgeCore
internal import FledgeData

/// The rows of a run as the reference's preprocessing writes them, one JSON object each.
public struct Preprocessing {
    /// Which rows to write.
    public enum Split: String, Sendable, CaseIterable {
        /// The rows to train on, in the order of the data, before shuffling.
        case train
        /// The rows to evaluate on.
        case validation
    }

    private let data: SupervisedData
    private let padding: Int32
    private let isNeat: Bool
    /// What happened to the rows, as sentences.
    public var summary: [String] { data.summary }

    /// Loads and tokenises the data of a configuration.
    public init(_ configuration: RunConfiguration, threads: Int) throws {
        let text = try TextSide(configuration)
        data = try SupervisedData(configuration, text, threads: threads)
        padding = text.tokenizer.padding ?? 0
        isNeat = configuration.data.neatPacking
    }

    /// Gives every row of a split to `write`, as the line to be written.
    ///
    /// - Throws: ``FledgeError`` when there is no such split; what `write` throws.
    public func write(_ split: Split, to write: (JSONValue) throws -> Void) throws {
        switch split {
        case .train: for row in data.train { try write(json(row)) }
        case .validation:
            guard !data.evaluations.isEmpty else {
                throw FledgeError(
                    .configuration, "There are no rows to evaluate on.",
                    advice: "Set eval_dataset or val_size.")
            }
            for set in data.evaluations { for row in set.rows { try write(json(row)) } }
        }
    }

    private func json(_ row: PackedRow) -> JSONValue {
        func array(_ ids: [Int32]) -> JSONValue { .array(ids.map { .integer(Int($0)) }) }
        guard let length = data.packedLength else {
            let sample = row.samples[0]
            return .object([
                "input_ids": array(sample.inputIDs),
                "attention_mask": array(sample.inputIDs.map { _ in 1 }),
                "labels": array(sample.labels),
            ])
        }
        let columns = row.columns(length: length, padding: padding, neat: isNeat)
        return .object([
            "input_ids": array(columns.inputIDs), "attention_mask": array(columns.attention),
            "position_ids": array(columns.positions), "labels": array(columns.labels),
        ])
    }
}
