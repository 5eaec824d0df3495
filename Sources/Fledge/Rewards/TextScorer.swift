internal import FledgeCore
internal import FledgeModel
internal import FledgeTokenize
internal import FledgeTrain

/// A reward model that scores texts, as `fledge score-server` gives them to it.
public struct TextScorer {
    private let scorer: RewardScorer
    private let text: TextSide
    private let batchSize: Int

    /// Loads the reward model of a configuration: `model_name_or_path`, adapters and value head.
    ///
    /// - Parameter announce: Receives a line for everything that is worth knowing.
    /// - Throws: ``FledgeError`` when there is no value head, or something does not fit.
    public init(
        _ configuration: RunConfiguration, announce: @escaping (String) -> Void = { _ in }
    ) throws {
        for note in configuration.notes { announce(note) }
        text = try TextSide(configuration)
        for note in text.notes { announce(note) }
        let side = try ModelSide(inference: configuration)
        for note in side.checkpoint.notes { announce(note) }
        try text.requireFits(side.model)
        let folder = try configuration.valueHeadFolder()
        scorer = try RewardScorer(side.model, headFolder: folder)
        batchSize = configuration.training.evaluationBatchSize
        announce("The value head is that of \(folder).")
        if let note = RewardModelResults.note(folder) { announce(note) }
    }

    /// The most tokens of a text.
    public var contextLength: Int { scorer.model.configuration.contextLength }

    /// The value of each text's last token. Control tokens that are written in texts are such tokens;
    /// nothing is put around texts, and what goes beyond the length is cut off at the end.
    ///
    /// - Parameters:
    ///   - length: Most tokens; nil and more than the model's context for that.
    ///   - isWanted: Asked before each batch whether the scores are still wanted.
    /// - Throws: ``FledgeError`` when a text has no tokens; with `interrupted` when the scores are not
    ///   wanted any more.
    public func scores(
        of texts: [String], cutTo length: Int? = nil, isWanted: () -> Bool = { true }
    ) throws -> [Double] {
        let most = max(1, min(length ?? contextLength, contextLength))
        let sequences = try texts.enumerated().map { index, written in
            let ids = text.tokenizer.encode(written, specials: .parse)
            guard !ids.isEmpty else {
                throw FledgeError(.data, "Text \(index + 1) of \(texts.count) is empty.")
            }
            return Array(ids.prefix(most))
        }
        return try scorer.scores(ofIDs: sequences, batchSize: batchSize) {
            guard isWanted() else {
                throw FledgeError(.interrupted, "The scores are not wanted any more.")
            }
        }
    }
}
