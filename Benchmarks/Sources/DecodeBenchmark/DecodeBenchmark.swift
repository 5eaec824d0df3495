import Fledge
import Foundation

/// Times greedy decoding of one sequence.
///
/// Usage: DecodeBenchmark MODEL float32|bfloat16|blocks|nf4|int8 TOKENS REPETITIONS
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
        guard arguments.count == 5, let (type, storage) = forms[arguments[2]],
            let count = Int(arguments[3]), let repetitions = Int(arguments[4])
        else {
            print(
                "usage: DecodeBenchmark MODEL float32|bfloat16|blocks|nf4|int8 TOKENS REPETITIONS")
            exit(2)
        }
        let model = try Checkpoint(path: arguments[1]).causalLM(storing: type, linears: storage)
        let generator = TokenGenerator(model, type)
        let prompt: [Int32] = [504, 2403, 281, 253, 655, 665, 436, 253, 1165, 2095, 281, 260]
        var rates: [Double] = []
        for _ in 0..<repetitions {
            var start = ContinuousClock.now
            var isFirst = true
            let result = try generator.generate(prompt, .greedy(maxNewTokens: count + 1)) { _ in
                // The prompt is computed before the first token.
                if isFirst { start = .now }
                isFirst = false
                return true
            }
            let duration = (ContinuousClock.now - start).components
            let seconds = Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
            rates.append(Double(result.ids.count - 1) / seconds)
        }
        let result: JSONValue = [
            "name": "fledge", "form": .string(arguments[2]), "tokens": .integer(count),
            "tokens_per_second": .number(rates.sorted()[rates.count / 2]),
            "peak_mib": .number(Double(ProcessMemory.peakResidentBytes ?? 0) / 1_048_576),
            "kernels": .string(Kernels.path),
        ]
        print(result.serialized(.compact))
    }
}
