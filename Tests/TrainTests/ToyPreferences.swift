import FledgeCore
import FledgeData
import FledgeModel
import FledgeTensor
import FledgeTesting
import FledgeTrain
import Testing

/// The specification's eight samples as pairs and as feedback.
enum ToyPreferences {
    private static func sample(_ question: [Int32], _ answer: [Int32]) -> ProcessedSample {
        ProcessedSample(
            inputIDs: question + answer,
            labels: question.map { _ in ProcessedSample.ignored } + answer,
            source: .init(file: "toy"))
    }

    private static func question(_ prompt: String, system: String = "") -> [Int32] {
        (system.isEmpty ? [] : [3] + ToyData.words(system) + [2]) + [3] + ToyData.words(prompt)
            + [2, 3]
    }

    private static func answer(_ text: String) -> [Int32] { ToyData.words(text) + [2] }

    /// Chosen is the answer, rejected the words of the prompt in reverse.
    static let pairs: [PairwiseSample] = ToyData.rows.map { prompt, text, system in
        let question = question(prompt, system: system)
        let reversed = prompt.split(separator: " ").reversed().joined(separator: " ")
        return PairwiseSample(
            chosen: sample(question, answer(text)), rejected: sample(question, answer(reversed)),
            promptCount: question.count)
    }

    /// Good except samples 1, 4 and 7; the other answer is that of the row before.
    static let feedback: [FeedbackSample] = ToyData.rows.indices.map { index in
        let rows = ToyData.rows
        let question = question(rows[index].0)
        return FeedbackSample(
            target: sample(question, answer(rows[index].1)),
            mismatched: sample(question, answer(rows[(index + 7) % 8].1)),
            isDesirable: ![1, 4, 7].contains(index))
    }

    static func pairEpochs(
        batchSize: Int = 2, shuffles: Bool = true, lastTokens: Bool = false, shares: Bool = false
    ) -> Epochs<PairwiseSample, PreferenceBatch> {
        Epochs(pairs, batchSize: batchSize, seed: 42, shuffles: shuffles) { picked, epoch in
            PreferenceCollator(lastTokens: lastTokens, sharesPrefixes: shares).batch(
                picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
        }
    }

    static func feedbackEpochs(
        batchSize: Int = 2, shuffles: Bool = true, shares: Bool = false
    ) -> Epochs<FeedbackSample, FeedbackBatch> {
        Epochs(feedback, batchSize: batchSize, seed: 42, shuffles: shuffles) { picked, epoch in
            FeedbackCollator(sharesPrefixes: shares).batch(
                picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
        }
    }

    /// Four steps of two micro-batches with the specification's schedule.
    static func train<Source: BatchSource, Loss: Objective>(
        _ model: DecoderLM, _ objective: Loss, _ batches: Source, rate: Double = 0.01
    ) throws -> [StepReport] where Source.Batch == Loss.Batch {
        let recorder = StepRecorder()
        let trainer = Trainer(
            ObjectiveStage(model, objective), schedule: .linear(peak: rate, total: 4),
            accumulation: 2, logging: .every(1), callbacks: [recorder])
        try trainer.fit(batches, steps: 4)
        return recorder.reports
    }
}
