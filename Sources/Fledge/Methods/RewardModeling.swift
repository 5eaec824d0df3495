internal import FledgeCore
public import FledgeData
internal import FledgeModel
internal import FledgeTrain
internal import Foundation

/// Reward modelling (`stage: rm`): a head learns to score better answers higher (reference: 05 §6).
public struct RewardModeling: TrainingMethod {
    /// Pairs of answers.
    public typealias Sample = PairwiseSample

    /// Creates the method.
    public init() {}

    /// `rm`.
    public var name: String { "rm" }

    /// The value head, dropout, and what is predicted.
    public var reads: Set<KeyGroup> { [.valueHead, .dropout, .predictions] }

    /// Pairs of answers.
    public var rows: RowTraits { RowTraits(isRanking: true, learnsLastAnswer: true) }

    /// True.
    public var makesScores: Bool { true }

    /// The share of pairs in the right order.
    public var plotted: [String] { ["eval_accuracy"] }

    /// Pairs whose answers' last tokens are looked at.
    public func collate(
        _ picked: [(index: Int, sample: PairwiseSample)], epoch: Int, sharesPrefixes: Bool,
        _ configuration: RunConfiguration
    ) -> PreferenceBatch {
        PreferenceCollator(lastTokens: true, sharesPrefixes: sharesPrefixes).batch(
            picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
    }

    /// Both sequences, their question once where it is shared; a score each.
    public func size(
        of sample: PairwiseSample, sharesPrefixes: Bool, _ configuration: RunConfiguration
    ) -> (tokens: Int, supervised: Int) {
        PreferenceCollator(lastTokens: true, sharesPrefixes: sharesPrefixes).size(of: sample)
    }

    /// Trains a value head, and the model below it.
    public func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<PreferenceBatch> {
        // Scores come from the states before the output matrix: one of its own has no gradient.
        let table = side.model.parameters.first
        if let output = side.model.head.parameter, output !== table { output.isTrainable = false }
        let made = try ValueHeadChoice(side, configuration)
        return TrainingParts(
            side, RewardRanking(head: made.head), seed: configuration.training.seed,
            artifact: JointArtifact(side.artifact, made.head), head: made.head,
            notes: [made.note])
    }

    /// The scores of both answers of each pair, rounded as the reference rounds them.
    public func predictor(
        _ parts: TrainingParts<PreferenceBatch>, _ side: ModelSide, _ text: TextSide,
        _ configuration: RunConfiguration
    ) -> Predictor<PreferenceBatch>? {
        guard let head = parts.head else { return nil }
        let ranking = RewardRanking(head: head)
        return Predictor(endsLastLine: false) { batch in
            let (pairs, scores) = (batch.pairCount, ranking.scores(side.model, batch.answers))
            let margins = (0..<pairs).map { scores[$0] - scores[$0 + pairs] }
            return BatchPrediction(
                report: LossReport(
                    sum: margins.reduce(0) { $0 + ($1 < 0 ? -$1 : 0) + log1p(exp(-abs($1))) },
                    weight: Double(pairs), tokens: batch.tokens.tokenCount,
                    metrics: ["accuracy": Metric(meanOf: margins.map { $0 > 0 ? 1 : 0 })]),
                lines: (0..<pairs).map {
                    [
                        "chosen": .number(scores[$0].hundredths),
                        "rejected": .number(scores[$0 + pairs].hundredths),
                    ]
                })
        }
    }
}

extension Double {
    /// The number rounded to two places.
    fileprivate var hundredths: Double { Double(rounded(places: 2)) ?? self }
}
