import Fledge
import Foundation

/// Times the way of a run's rows from files to ids and labels.
///
/// Usage: PreprocessBenchmark KEY=VALUE …
@main
struct PreprocessBenchmark {
    static func main() throws {
        let keys = Array(CommandLine.arguments.dropFirst())
        guard !keys.isEmpty else {
            print("usage: PreprocessBenchmark KEY=VALUE …")
            exit(2)
        }
        let configuration = try RunConfiguration(path: nil, overrides: keys)
        let text = try TextSide(configuration)
        let start = ContinuousClock.now
        let rows = try count(configuration, text, threads: 2)
        let duration = (ContinuousClock.now - start).components
        let result: JSONValue = [
            "rows": .integer(rows),
            "seconds": .number(Double(duration.seconds) + Double(duration.attoseconds) * 1e-18),
        ]
        print(result.serialized(.compact))
    }

    private static func count(
        _ configuration: RunConfiguration, _ text: TextSide, threads: Int
    ) throws -> Int {
        switch configuration.finetuning.stage {
        case .supervised: try SupervisedData(configuration, text, threads: threads).train.count
        case .pretraining:
            try StageData(pretraining: configuration, text, threads: threads).train.count
        case .reward, .directPreference:
            try StageData(pairs: configuration, text, threads: threads).train.count
        case .kahnemanTversky:
            try StageData(feedback: configuration, text, threads: threads).train.count
        case .proximalPolicy:
            try StageData(prompts: configuration, text, threads: threads).train.count
        }
    }
}
