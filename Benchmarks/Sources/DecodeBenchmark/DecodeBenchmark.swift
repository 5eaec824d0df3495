import Fledge
import Foundation

/// Times greedy decoding of one sequence, or of several together.
///
/// Usage: DecodeBenchmark MODEL float32|bfloat16|blocks|nf4|int8 TOKENS REPETITIONS [ANSWERS]
///
/// `blocks` keeps the blocks of a GGUF file, `nf4` and `int8` quantise; all three compute in
/// bfloat16.
@main
struct DecodeBenchmark {
    static func main() throws {
        let arguments = CommandLine.arguments
        let forms: [String: (ElementType, LinearStorage)] = [
            "float32": (.float32, .plain), "bfloat16": (.bfloat16, .plain),
            "blocks": (.bfloat16, .blocksOfFile),
            "nf4": (.bfloat16, .quantized(.fourBit(.nf4, hasNestedScales: true))),
            "int8": (.bfloat16, .quantized(.int8)),
        ]
        guard (5...6).contains(arguments.count), let (type, storage) = forms[arguments[2]],
            let count = Int(arguments[3]), let repetitions = Int(arguments[4]),
            let answers = Int(arguments.count > 5 ? arguments[5] : "1")
        else {
            print(
                "usage: DecodeBenchmark MODEL float32|bfloat16|blocks|nf4|int8 TOKENS REPETITIONS "
                    + "[ANSWERS]")
            exit(2)
        }
        let model = try Checkpoint(path: arguments[1]).causalLM(storing: type, linears: storage)
        let generator = TokenGenerator(model)
        let prompt: [Int32] = [504, 2403, 281, 253, 655, 665, 436, 253, 1165, 2095, 281, 260]
        var rates: [Double] = []
        // Prompts that share their beginning, as answers to one question do.
        let prompts = (0..<answers).map { prompt + [Int32(1000 + $0)] }
        for _ in 0..<repetitions {
            var start = ContinuousClock.now
            var seen = 0
            let results = try generator.generate(
                prompts, .greedy(maxNewTokens: count + 1), concurrent: answers
            ) { _, _ in
                // The prompts are computed before the first tokens.
                seen += 1
                if seen == answers { start = .now }
                return true
            }
            let duration = (ContinuousClock.now - start).components
            let seconds = Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
            rates.append(Double(results.reduce(0) { $0 + $1.ids.count - 1 }) / seconds)
        }
        let result: JSONValue = [
            "name": "fledge", "form": .string(arguments[2]), "tokens": .integer(count),
            "answers": .integer(answers),
            "tokens_per_second": .number(rates.sorted()[rates.count / 2]),
            "peak_mib": .number(Double(ProcessMemory.peakResidentBytes ?? 0) / 1_048_576),
            "kernels": .string(Kernels.path),
        ]
        print(result.serialized(.compact))
    }
}
