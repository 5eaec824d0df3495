public import FledgeData
public import FledgeModel

/// Judges answers.
///
/// ```swift
/// struct Brevity: RewardSource {
///     func scores(_ answers: [JudgedAnswer]) -> [Double] {
///         answers.map { 1 / Double(max($0.answerIDs.count, 1)) }
///     }
/// }
/// ```
///
/// A source that adds several things up tells them apart in ``rewards(_:)``.
public protocol RewardSource {
    /// A score for each answer, in their order; higher is better.
    ///
    /// A run ends with an error when there are fewer or more scores than answers, or when one is not
    /// finite.
    func scores(_ answers: [JudgedAnswer]) async throws -> [Double]

    /// The scores with what they are made of, in the order of the answers; by default nothing but
    /// ``scores(_:)``.
    func rewards(_ answers: [JudgedAnswer]) async throws -> [Reward]
}

extension RewardSource {
    /// The scores, which are made of nothing else.
    public func rewards(_ answers: [JudgedAnswer]) async throws -> [Reward] {
        try await scores(answers).map { Reward($0) }
    }
}

/// What an answer was given, and for what.
public struct Reward: Hashable, Sendable {
    /// The score, which is what a policy learns from.
    public var score: Double
    /// What it is made of, by name, before any weights: what logs have a mean of.
    public var parts: [String: Double]

    /// Creates a reward.
    public init(_ score: Double, parts: [String: Double] = [:]) {
        (self.score, self.parts) = (score, parts)
    }
}

/// An answer that is to be judged.
public struct JudgedAnswer: Hashable, Sendable {
    /// The ids of the question, up to where the answer begins.
    public var promptIDs: [Int32]
    /// The ids of the answer, with the stop token last where there was one.
    public var answerIDs: [Int32]
    /// Question and answer with their control tokens, as the policy sees them.
    public var text: String
    /// The answer without control tokens.
    public var answer: String
    /// Why the answer ended.
    public var finishReason: FinishReason
    /// The row that the question is from, with the columns that were asked for; nil where only its
    /// tokens are known.
    public var row: AlignedSample?
    /// Answers with the same number answer the same question.
    public var group: Int

    /// Creates an answer.
    public init(
        promptIDs: [Int32], answerIDs: [Int32], text: String, answer: String,
        finishReason: FinishReason = .stop, row: AlignedSample? = nil, group: Int = 0
    ) {
        (self.promptIDs, self.answerIDs) = (promptIDs, answerIDs)
        (self.text, self.answer) = (text, answer)
        (self.finishReason, self.row, self.group) = (finishReason, row, group)
    }
}

/// A reward that is a function of a program.
public struct RewardFunction: RewardSource {
    private let function: (JudgedAnswer) throws -> Double

    /// Creates a reward from what judges a single answer.
    public init(_ function: @escaping (JudgedAnswer) throws -> Double) { self.function = function }

    /// What the function gives each answer.
    public func scores(_ answers: [JudgedAnswer]) throws -> [Double] { try answers.map(function) }
}
