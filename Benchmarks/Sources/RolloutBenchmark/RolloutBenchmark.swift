import Fledge
import Foundation

/// Times answers, and whole steps of policies that learn from them: prompts of 32 tokens, answers of 64, drawn
/// from the whole distribution, in bfloat16 with LoRA of rank 8 on all linear layers. `reference/generate.py`,
/// `ppo.py` and `grpo.py` do the same work.
///
/// Usage: RolloutBenchmark MODEL generate|ppo|grpo [STEPS] [WARMUP] [--profile]
@main
struct RolloutBenchmark {
    private static let (promptLength, answerLength) = (32, 64)

    static func main() throws {
        var arguments = CommandLine.arguments
        let profiles = arguments.contains("--profile")
        arguments.removeAll { $0 == "--profile" }
        let steps = arguments.count > 3 ? Int(arguments[3]) : 3
        let warmup = arguments.count > 4 ? Int(arguments[4]) : 1
        guard (3...5).contains(arguments.count), let steps, let warmup,
            let work = Work(rawValue: arguments[2])
        else {
            print("usage: RolloutBenchmark MODEL generate|ppo|grpo [STEPS] [WARMUP] [--profile]")
            exit(2)
        }
        let model = try Checkpoint(path: arguments[1]).causalLM(storing: .bfloat16)
        let profile = OperationProfile()
        func run() throws -> (seconds: [Double], tokens: Int) {
            try work == .generate
                ? generate(model, steps, warmup) : train(model, work, steps, warmup)
        }
        let (seconds, tokens) = try profiles ? profile.measure(run) : run()
        for entry in profile.entries {
            print(
                String(format: "%8.2f s  %6d ", entry.seconds, entry.calls) + entry.operation
                    + (entry.isBackward ? " backward" : ""))
        }
        let middle = seconds.sorted()[seconds.count / 2]
        let result: JSONValue = [
            "name": "fledge", "work": .string(work.rawValue), "seconds": .number(middle),
            "tokens_per_second": .number(Double(tokens) / middle),
            "peak_mib": .number(Double(ProcessMemory.peakResidentBytes ?? 0) / 1_048_576),
            "kernels": .string(Kernels.path),
        ]
        print(result.serialized(.compact))
    }

    private enum Work: String { case generate, ppo, grpo }

    /// A prompt of tokens that follow from its place.
    private static func prompt(_ row: Int) -> PromptSample {
        let ids = (0..<promptLength).map {
            Int32(100 + (promptLength * row + $0) * 7919 % 39900)
        }
        return PromptSample(promptIDs: ids, responseIDs: [], source: .init(file: "random"))
    }

    private static var options: GenerationOptions {
        GenerationOptions(maxNewTokens: answerLength, temperature: 1, topP: 1, topK: 0)
    }

    private static func generate(
        _ model: DecoderLM, _ steps: Int, _ warmup: Int
    ) throws -> (seconds: [Double], tokens: Int) {
        var seconds: [Double] = []
        for step in 0..<(steps + warmup) {
            let start = ContinuousClock.now
            let engine = GenerationEngine(model)
            for row in 0..<8 {
                _ = try engine.submit(
                    GenerationRequest(
                        prompt(row).promptIDs, options, draws: [step, row]))
            }
            let answers = try engine.run()
            precondition(answers.values.allSatisfy { $0.ids.count == answerLength })
            if step >= warmup { seconds.append((ContinuousClock.now - start).seconds) }
        }
        return (seconds, 8 * answerLength)
    }

    private static func train(
        _ model: DecoderLM, _ work: Work, _ steps: Int, _ warmup: Int
    ) throws -> (seconds: [Double], tokens: Int) {
        try model.attach(LoRA(rank: 8), seed: 0)
        let questions = work == .ppo ? 8 : 2
        var policy = PolicyOptions(
            generation: options,
            estimator: work == .ppo ? GeneralizedAdvantages() : GroupAdvantages(),
            loss: ClippedPolicyLoss())
        if work == .ppo {
            (policy.epochs, policy.rewardControl) = (4, AdaptiveKLControl())
        } else {
            policy.answersPerQuestion = 8
        }
        let stage = PolicyStage(
            model,
            head: work == .ppo
                ? ValueHead(channels: model.configuration.hiddenSize, seed: 0) : nil,
            rewards: RewardFunction { Double($0.answerIDs[0] % 7) / 7 },
            reference: work == .ppo ? PolicyWithoutAdapters(model) : nil, options: policy
        ) { _, _ in ("", "") }
        let recorder = Recorder()
        let rows = Array(0..<(questions * (steps + warmup)))
        let source = Epochs(rows, batchSize: questions) { picked, epoch in
            PromptBatch(
                picked.map { prompt($0.sample) }, indices: picked.map(\.index), epoch: epoch)
        }
        let trainer = Trainer(
            stage, schedule: .constant(1e-5), logging: .never, callbacks: [recorder])
        _ = try trainer.fit(source, evaluating: nil, steps: steps + warmup)
        return (
            Array(recorder.seconds.dropFirst(warmup)),
            questions * policy.answersPerQuestion * answerLength
        )
    }
}

private final class Recorder: Callback {
    private(set) var seconds: [Double] = []

    func didFinishStep(_ report: StepReport, _ run: TrainingRun) { seconds.append(report.seconds) }
}

extension Duration {
    fileprivate var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
