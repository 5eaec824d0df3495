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

    /// What happened to tokenizer, template and rows, as sentences.
    public let summary: [String]
    private let train: AnySequence<JSONValue>
    private let evaluations: [AnySequence<JSONValue>]

    /// Loads and tokenises the data of a configuration, for its stage.
    public init(_ configuration: RunConfiguration, threads: Int) throws {
        let text = try TextSide(configuration)
        switch configuration.finetuning.stage {
        case .supervised:
            let data = try SupervisedData(configuration, text, threads: threads)
            let length = data.packedLength
            let padding = text.tokenizer.padding ?? 0
            self.init(data, text) {
                Self.json($0, length, padding, isNeat: configuration.data.neatPacking)
            }
        case .pretraining:
            self.init(try StageData(pretraining: configuration, text, threads: threads), text) {
                .object(Self.tokens($0.inputIDs))
            }
        case .reward, .directPreference:
            self.init(try StageData(pairs: configuration, text, threads: threads), text) {
                .object(
                    Self.columns($0.chosen, "chosen_") + Self.columns($0.rejected, "rejected_"))
            }
        case .kahnemanTversky:
            self.init(try StageData(feedback: configuration, text, threads: threads), text) {
                .object(
                    Self.columns($0.target) + Self.columns($0.mismatched, "kl_")
                        + [.init("kto_tags", .bool($0.isDesirable))])
            }
        case .proximalPolicy:
            self.init(try StageData(prompts: configuration, text, threads: threads), text) {
                .object(
                    Self.tokens($0.promptIDs) + [.init("labels", Self.array($0.responseIDs))])
            }
        }
    }

    private init<Sample>(
        _ data: StageData<Sample>, _ text: TextSide, _ json: @escaping (Sample) -> JSONValue
    ) {
        summary = text.notes + data.summary
        train = AnySequence(data.train.lazy.map(json))
        evaluations = data.evaluations.map { AnySequence($0.rows.lazy.map(json)) }
    }

    /// Gives every row of a split to `write`, as the line to be written.
    ///
    /// - Throws: ``FledgeError`` when there is no such split; what `write` throws.
    public func write(_ split: Split, to write: (JSONValue) throws -> Void) throws {
        switch split {
        case .train: for row in train { try write(row) }
        case .validation:
            guard !evaluations.isEmpty else {
                throw FledgeError(
                    .configuration, "There are no rows to evaluate on.",
                    advice: "Set eval_dataset or val_size.")
            }
            for rows in evaluations { for row in rows { try write(row) } }
        }
    }

    private static func json(
        _ row: PackedRow, _ length: Int?, _ padding: Int32, isNeat: Bool
    ) -> JSONValue {
        guard let length else { return .object(columns(row.samples[0])) }
        let packed = row.columns(length: length, padding: padding, neat: isNeat)
        return .object([
            "input_ids": array(packed.inputIDs), "attention_mask": array(packed.attention),
            "position_ids": array(packed.positions), "labels": array(packed.labels),
        ])
    }

    private static func columns(
        _ sample: ProcessedSample, _ prefix: String = ""
    ) -> [JSONValue.Member] {
        let weights = sample.weights.map { weights in
            JSONValue.Member(
                prefix + "weights", .array(weights.map { .number(Double($0)) }))
        }
        return tokens(sample.inputIDs, prefix) + [.init(prefix + "labels", array(sample.labels))]
            + [weights].compactMap { $0 }
    }

    private static func tokens(
        _ ids: [Int32], _ prefix: String = ""
    ) -> [JSONValue.Member] {
        [
            .init(prefix + "input_ids", array(ids)),
            .init(prefix + "attention_mask", array(ids.map { _ in 1 })),
        ]
    }

    private static func array(_ ids: [Int32]) -> JSONValue {
        .array(ids.map { .integer(Int($0)) })
    }
}
