import Fledge
import Foundation

/// Times steps on one packed sequence, every token supervised: LoRA of rank 8 on all linear layers, or
/// all weights with --full.
///
/// Usage: StepBenchmark MODEL float32|bfloat16 LENGTH STEPS WARMUP [--full] [--nf4] [--recompute]
/// [--profile]
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
        guard arguments.count == 6, let length = Int(arguments[3]), let steps = Int(arguments[4]),
            let warmup = Int(arguments[5])
        else {
            print(
                "usage: StepBenchmark MODEL float32|bfloat16 LENGTH STEPS WARMUP "
                    + "[--full] [--nf4] [--recompute] [--profile]")
            exit(2)
        }
        let type: ElementType = arguments[2] == "bfloat16" ? .bfloat16 : .float32
        let storage: LinearStorage =
            isQuantised ? .quantized(.fourBit(.nf4, hasNestedScales: true)) : .plain
        let model = try Checkpoint(path: arguments[1]).causalLM(storing: type, linears: storage)
        if isFull { model.makeTrainable() } else { try model.attach(LoRA(rank: 8), seed: 0) }
        let recorder = Recorder()
        let trainer = Trainer(
            ObjectiveStage(model, TokenCrossEntropy(), recomputesBlocks: recomputes),
            schedule: .constant(1e-4),
            logging: .never, callbacks: [recorder])
        let batches = Epochs(Array(0..<(steps + warmup)), batchSize: 1) { picked, epoch in
            var generator = KeyedGenerator(RandomKey(seed: 1).appending(picked[0].index))
            let ids = (0..<length).map { _ in Int32.random(in: 100..<40000, using: &generator) }
            var batch = TokenBatch(ids: ids, layout: SequenceLayout(lengths: [length]))
            for row in 0..<(length - 1) {
                batch.supervision.append(row: row, target: ids[row + 1], segment: 0)
            }
            return batch
        }
        let profile = OperationProfile()
        recorder.warmup = warmup
        if profiles {
            recorder.profile = profile
            _ = try profile.measure { try trainer.fit(batches, steps: steps + warmup) }
            print(
                table(
                    profile, steps: steps, seconds: recorder.seconds.dropFirst(warmup).reduce(0, +))
            )
        } else {
            try trainer.fit(batches, steps: steps + warmup)
        }
        let seconds = recorder.seconds.dropFirst(warmup).sorted()
        let rate = Double(length) / seconds[seconds.count / 2]
        let result: JSONValue = [
            "name": "fledge", "dtype": .string(arguments[2]), "length": .integer(length),
            "loss": .number(recorder.loss), "tokens_per_second": .number(rate),
            "peak_mib": .number(Double(ProcessMemory.peakResidentBytes ?? 0) / 1_048_576),
            "tensor_peak_mib": .number(Double(BufferPool.peakBytes) / 1_048_576),
            "method": .string(isFull ? "full" : isQuantised ? "qlora" : "lora"),
            "kernels": .string(Kernels.path),
        ]
        print(result.serialized(.compact))
    }

    private static func table(_ profile: OperationProfile, steps: Int, seconds: Double) -> String {
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
