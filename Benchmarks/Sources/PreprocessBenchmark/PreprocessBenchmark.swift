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
        func count<Method: TrainingMethod>(_ method: Method) throws -> Int {
            try StageData(
                configuration, text, method.recipe(configuration, text), threads: 2, cache: nil
            ).train.count
        }
        let rows = try count(configuration.method)
        let duration = (ContinuousClock.now - start).components
        let result: JSONValue = [
            "rows": .integer(rows),
            "seconds": .number(Double(duration.seconds) + Double(duration.attoseconds) * 1e-18),
        ]
        print(result.serialized(.compact))
    }
}
