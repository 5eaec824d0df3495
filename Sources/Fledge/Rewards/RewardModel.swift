internal import FledgeAdapters
internal import FledgeCore
internal import FledgeData
public import FledgeModel
public import FledgeTrain

/// A model of its own with a value head as the judge (`reward_model_type: full`): the value of an answer's
/// last token.
///
/// Where it has another tokenizer or template than the policy, question and answer are written anew, from
/// the messages of the row.
public struct RewardModel: RewardSource {
    private let scorer: RewardScorer
    private let text: RewardText?
    private let batchSize: Int

    /// Creates a reward.
    ///
    /// - Parameters:
    ///   - text: Tokenizer and template of the model; nil where it sees the policy's ids as they are.
    ///   - batchSize: Answers that are computed together.
    /// - Throws: ``FledgeError`` when tokens of its text have no vectors in the model.
    public init(
        _ model: any CausalLM, head: ValueHead, text: TextSide? = nil, batchSize: Int = 8
    ) throws {
        precondition(batchSize > 0, "RewardModel: batches of \(batchSize)")
        try text?.requireFits(model)
        (scorer, self.batchSize) = (RewardScorer(model, head), batchSize)
        self.text = try text.map { try RewardText($0) }
    }

    /// The values of the answers' last tokens.
    ///
    /// - Throws: ``FledgeError`` when an answer with its question is longer than the model's context,
    ///   empty, or has an id that the model has no vector for.
    public func scores(_ answers: [JudgedAnswer]) throws -> [Double] {
        let sequences = try answers.map { answer in
            try text.map { try $0.ids(of: answer) } ?? answer.promptIDs + answer.answerIDs
        }
        try RewardText.requireFit(sequences, answers, scorer.model)
        return try scorer.scores(ofIDs: sequences, batchSize: batchSize)
    }
}

/// A second adapter with a value head on the policy's own weights as the judge
/// (`reward_model_type: lora`): no second copy of the base.
public struct AdapterReward: RewardSource {
    private let scorer: RewardScorer
    private let adapter: StandInAdapter
    private let batchSize: Int

    /// Loads adapter and head.
    ///
    /// - Parameters:
    ///   - policy: The model whose base they share; its own adapters take no part in scores.
    ///   - batchSize: Answers that are computed together.
    /// - Throws: ``FledgeError`` when one is missing, damaged, or does not fit the model.
    public init(_ policy: any CausalLM, folder: String, batchSize: Int = 8) throws {
        precondition(batchSize > 0, "AdapterReward: batches of \(batchSize)")
        scorer = try RewardScorer(policy, headFolder: folder)
        adapter = try StandInAdapter(folder: folder, for: policy)
        self.batchSize = batchSize
    }

    /// The values of the answers' last tokens.
    ///
    /// - Throws: ``FledgeError`` when an answer with its question is longer than the model's context, or
    ///   empty.
    public func scores(_ answers: [JudgedAnswer]) throws -> [Double] {
        let sequences = answers.map { $0.promptIDs + $0.answerIDs }
        try RewardText.requireFit(sequences, answers, scorer.model)
        return try adapter.inPlace {
            try scorer.scores(ofIDs: sequences, batchSize: batchSize)
        }
    }
}
