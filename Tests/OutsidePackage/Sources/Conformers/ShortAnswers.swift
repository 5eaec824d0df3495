import Fledge

/// An estimator: how far an answer is from the median of all.
struct MedianAdvantages: AdvantageEstimator {
    var usesValues: Bool { false }

    func callAsFunction(_ answers: [AnswerRewards]) -> [AnswerAdvantages] {
        let sorted = answers.map(\.total).sorted()
        let median = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
        return answers.map {
            AnswerAdvantages(Array(repeating: $0.total - median, count: $0.rewards.count))
        }
    }
}

/// A loss: −A·ln π, whatever the ratio.
struct PlainGradient: PolicyLoss {
    func callAsFunction(_ tokens: PolicyTokens) -> PolicyCosts {
        PolicyCosts(
            losses: zip(tokens.new, tokens.advantages).map { -$0 * $1 },
            slopes: tokens.advantages.map { -$0 }, ratios: tokens.new.map { _ in 1 },
            isClipped: tokens.new.map { _ in false })
    }
}

/// Trains a policy by all three, and returns the mean rewards of its steps.
func shortenAnswers(_ model: DecoderLM) throws -> [Double] {
    var options = PolicyOptions(
        generation: GenerationOptions(
            maxNewTokens: 8, temperature: 1, topP: 1, topK: 0, stopTokens: [2]),
        estimator: MedianAdvantages(), loss: PlainGradient())
    options.answersPerQuestion = 8
    let stage = PolicyStage(model, rewards: Brevity(), options: options) { ("\($0)", "\($1)") }
    let questions = (4..<8).map {
        PromptSample(promptIDs: [3, $0], responseIDs: [], source: .init(file: "questions"))
    }
    let source = Epochs(questions, batchSize: 4) { picked, epoch in
        PromptBatch(picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
    }
    let rewards = RewardRecorder()
    try Trainer(stage, schedule: .constant(0.01), callbacks: [rewards]).fit(source, steps: 20)
    return rewards.means
}

private final class RewardRecorder: Callback {
    private(set) var means: [Double] = []

    func didFinishStep(_ report: StepReport, _ run: TrainingRun) {
        means.append(report.metrics["reward"]?.value ?? 0)
    }
}
