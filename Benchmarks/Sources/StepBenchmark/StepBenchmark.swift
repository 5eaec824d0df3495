import Fledge
import Foundation

/// Times steps on one packed sequence, every token supervised: LoRA of rank 8 on all linear layers, or
/// all weights with --full.
///
/// With --pairs a step is one of DPO on a pair of answers of 64 tokens each behind a prompt of LENGTH, which
/// is computed once, or with --unshared for each answer.
///
/// Usage: StepBenchmark MODEL float32|bfloat16 LENGTH STEPS WARMUP [--full] [--nf4] [--recompute]
/// [--pairs] [--unshared] [--profile]
@main
struct StepBenchmark {
    static func main() throws {
        var arguments = CommandLine.arguments
        func takes(_ flag: String) -> Bool {
            defer { arguments.removeAll { $0 == flag } }
            return arguments.contains(flag)
        }
        let (isFull, recomputes) = (takes("--full"), takes("--recompute"))
        let (profiles, isQuantised) = (takes("--profile"), takes("--nf4"))
        let (isPaired, isShared) = (takes("--pairs"), !takes("--unshared"))
        guard arguments.count == 6, let length = Int(arguments[3]), let steps = Int(arguments[4]),
            let warmup = Int(arguments[5])
        else {
            print(
                "usage: StepBenchmark MODEL float32|bfloat16 LENGTH STEPS WARMUP "
                    + "[--full] [--nf4] [--recompute] [--pairs] [--unshared] [--profile]")
            exit(2)
        }
        let type: ElementType = arguments[2] == "bfloat16" ? .bfloat16 : .float32
        let storage: LinearStorage =
            isQuantised ? .quantized(.fourBit(.nf4, hasNestedScales: true)) : .plain
        let model = try Checkpoint(path: arguments[1]).causalLM(storing: type, linears: storage)
        if isFull { model.makeTrainable() } else { try model.attach(LoRA(rank: 8), seed: 0) }
        let recorder = Recorder()
        let run = Run(steps: steps, warmup: warmup, recorder: recorder, profiles: profiles)
        let places = Array(0..<(steps + warmup))
        if isPaired {
            let collator = PreferenceCollator(sharesPrefixes: isShared)
            let batches = Epochs(places, batchSize: 1) { picked, _ in
                collator.batch([RandomTokens(place: picked[0].index).pair(prompt: length)])
            }
            let objective = PreferenceOptimization(
                loss: SigmoidPreference(), reference: PolicyWithoutAdapters(model))
            try run(ObjectiveStage(model, objective, recomputesBlocks: recomputes), batches)
        } else {
            let batches = Epochs(places, batchSize: 1) { picked, _ in
                RandomTokens(place: picked[0].index).batch(length)
            }
            try run(
                ObjectiveStage(model, TokenCrossEntropy(), recomputesBlocks: recomputes), batches)
        }
        let seconds = recorder.seconds.dropFirst(warmup).sorted()
        let tokens = isPaired ? 2 * (length + RandomTokens.answer) : length
        let rate = Double(tokens) / seconds[seconds.count / 2]
        let result: JSONValue = [
            "name": "fledge", "dtype": .string(arguments[2]), "length": .integer(length),
            "loss": .number(recorder.loss), "tokens_per_second": .number(rate),
            "peak_mib": .number(Double(ProcessMemory.peakResidentBytes ?? 0) / 1_048_576),
            "tensor_peak_mib": .number(Double(BufferPool.peakBytes) / 1_048_576),
            "method": .string(isFull ? "full" : isQuantised ? "qlora" : "lora"),
            "kernels": .string(Kernels.path),
            "product_operations": .number(Double(productOperations(model))),
        ]
        print(result.serialized(.compact))
    }

    /// What a token costs in products with frozen matrices, the head among them: forward, and the gradient of
    /// what goes in.
    private static func productOperations(_ model: DecoderLM) -> Int {
        let isTied = model.configuration.tieWordEmbeddings
        return model.parameters.reduce(0) { sum, parameter in
            let shape = parameter.value.shape
            let isTable = !isTied && parameter.name.hasSuffix("embed_tokens.weight")
            return shape.count == 2 && !parameter.isTrainable && !isTable
                ? sum + 4 * shape[0] * shape[1] : sum
        }
    }
}

/// Token ids that follow from a place in the data.
private struct RandomTokens {
    static let answer = 64
    let place: Int

    private func ids(_ count: Int, part: Int = 0) -> [Int32] {
        var generator = KeyedGenerator(RandomKey(seed: 1).appending(place).appending(part))
        return (0..<count).map { _ in Int32.random(in: 100..<40000, using: &generator) }
    }

    /// One sequence, every token supervised.
    func batch(_ length: Int) -> TokenBatch {
        let ids = ids(length)
        var batch = TokenBatch(ids: ids, layout: SequenceLayout(lengths: [length]))
        for row in 0..<(length - 1) {
            batch.supervision.append(row: row, target: ids[row + 1], sample: 0)
        }
        return batch
    }

    /// Two answers behind one prompt.
    func pair(prompt: Int) -> PairwiseSample {
        let prompt = ids(prompt)
        let ignored = [Int32](repeating: ProcessedSample.ignored, count: prompt.count)
        let answers = (1...2).map { part in
            ProcessedSample(
                inputIDs: prompt + ids(Self.answer, part: part),
                labels: ignored + ids(Self.answer, part: part), source: .init(file: "random"))
        }
        return PairwiseSample(
            chosen: answers[0], rejected: answers[1], promptCount: prompt.count)
    }
}

/// Steps that are timed.
private struct Run {
    let steps: Int
    let warmup: Int
    let recorder: Recorder
    let profiles: Bool

    func callAsFunction<Batch: Sendable>(
        _ stage: some Stage<Batch>, _ batches: some BatchSource<Batch>
    ) throws {
        let trainer = Trainer(
            stage, schedule: .constant(1e-4), logging: .never, callbacks: [recorder])
        recorder.warmup = warmup
        guard profiles else {
            try trainer.fit(batches, steps: steps + warmup)
            return
        }
        let profile = OperationProfile()
        recorder.profile = profile
        _ = try profile.measure { try trainer.fit(batches, steps: steps + warmup) }
        print(
            table(profile, seconds: recorder.seconds.dropFirst(warmup).reduce(0, +)))
    }

    private func table(_ profile: OperationProfile, seconds: Double) -> String {
        var lines = profile.entries.map { entry in
            let name = entry.operation + (entry.isBackward ? " backward" : "")
            return String(
                format: "%6.2f%%  %8.2f ms  %5d calls  ", 100 * entry.seconds / seconds,
                1000 * entry.seconds / Double(steps), entry.calls / steps) + name
        }
        let products = profile.products
        lines.append(
            String(
                format: "products: %.2f%% of the time, %.1f GFLOP a step, %.1f GFLOP/s",
                100 * products.seconds / seconds, products.operations / Double(steps) * 1e-9,
                products.operations / products.seconds * 1e-9))
        return lines.joined(separator: "\n")
    }
}

private final class Recorder: Callback {
    var seconds: [Double] = []
    var loss = 0.0
    var warmup = 0
    var profile: OperationProfile?

    func didFinishStep(_ report: StepReport, _ run: TrainingRun) {
        seconds.append(report.seconds)
        loss = report.loss
        if seconds.count == warmup { profile?.reset() }
    }
}
