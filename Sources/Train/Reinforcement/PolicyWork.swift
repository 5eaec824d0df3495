internal import FledgeCore
package import FledgeData

/// An answer with everything that an update has to know about it.
struct PolicyAnswer {
    /// Question and answer, of which the answer is supervised.
    let sample: ProcessedSample
    /// Its place among all questions and answers of the data.
    let index: Int
    /// Answers with the same number answer the same question.
    let group: Int
    /// Number of tokens of the answer.
    let count: Int
    /// ln p of each token in the distribution that it was drawn from.
    let drawn: [Double]
    /// What the answer was given.
    var given = 0.0
    /// What it is learned by: what it was given, unless scores are normalised.
    var score = 0.0
    /// Whether nothing is learned of its tokens, though it counts as an answer and in its group.
    var isMasked = false
    /// Whether it counts nowhere.
    var isFiltered = false
    /// ln p of each token before the first update; empty where that is what the update computes.
    var old: [Double] = []
    /// The weight of each token in the policy's loss; empty where all weigh the same.
    var weights: [Double] = []
    /// The entropy of the distribution of each token before the first update; empty where nobody asks.
    var entropies: [Double] = []
    /// ln p of each token by the reference; empty where none is asked.
    var reference: [Double] = []
    /// What the value head expected before each token; empty where there is none.
    var values: [Double] = []
    /// How much better than expected each token was.
    var advantages: [Double] = []
    /// What the value head should have expected.
    var returns: [Double] = []

    /// Whether its tokens are learned.
    var isLearned: Bool { !isMasked && !isFiltered }

    /// Number of tokens that are learned.
    var learnedCount: Int { isLearned ? count : 0 }
}

extension PolicyAnswer {
    /// What it adds to what a loss is divided by.
    func weight(_ reduction: LossReduction) -> Double {
        isFiltered ? 0 : reduction.weight(ofTokens: learnedCount)
    }
}

/// Answers that are computed at once in an update.
public struct PolicyWork {
    /// Their places among the answers of the step.
    let answers: [Int]
    /// Their tokens; nil where nothing has to be computed.
    package let batch: AnswerBatch?
    /// What their loss is divided by.
    package let weight: Double
    /// Whether the weights are still those that gave the answers.
    let isFirst: Bool
}

extension PolicyWork {
    /// Divides answers into passes.
    ///
    /// - Parameters:
    ///   - places: Those of the answers of an update; answers to one question come together, so that
    ///     they share it.
    ///   - threshold: The longest answer whose tokens have the angles of all shorter ones; nil where
    ///     length does not matter to them.
    ///   - isComputed: Whether an answer has to be computed; others count in the weight alone.
    static func passes(
        _ answers: [PolicyAnswer], _ places: [Int], _ options: PolicyOptions, isFirst: Bool,
        angleThreshold threshold: Int?, isComputed: (PolicyAnswer) -> Bool
    ) -> [PolicyWork] {
        let ordered = places.sorted {
            (answers[$0].group, $0) < (answers[$1].group, $1)
        }
        var passes: [[Int]] = []
        var (tokens, group) = (0, -1)
        for place in ordered where isComputed(answers[place]) {
            let answer = answers[place]
            let isSame =
                answer.group == group && passes.last?.isEmpty == false
                && threshold == nil
            // A question is computed once for the answers beside it.
            let added = isSame ? answer.count : answer.sample.inputIDs.count
            let isFull =
                tokens + added > options.tokensPerPass
                && (passes.last?.count ?? 0) >= options.answersPerPass
            if passes.isEmpty || isFull {
                passes.append([])
                tokens = 0
            }
            passes[passes.count - 1].append(place)
            tokens += tokens == 0 ? answer.sample.inputIDs.count : added
            group = answer.group
        }
        func weight(_ places: [Int]) -> Double {
            places.reduce(0) {
                $0 + answers[$1].weight(options.reduction)
            }
        }
        let idle = ordered.filter { !isComputed(answers[$0]) }
        let collator = AnswerCollator(supervised: .answers)
        var works = passes.map { places in
            let samples = places.map { answers[$0].sample }
            return PolicyWork(
                answers: places,
                batch: collator.batch(
                    samples, indices: places.map { answers[$0].index }, epoch: 0,
                    forest: AnswerCollator.forest(
                        of: samples, angleThreshold: threshold)),
                weight: weight(places), isFirst: isFirst)
        }
        if !idle.isEmpty {
            works.append(
                PolicyWork(answers: idle, batch: nil, weight: weight(idle), isFirst: isFirst))
        }
        return works
    }
}
