import FledgeCore

/// The files `train_results.json`, `eval_results.json` and `all_results.json` of an output folder.
public struct ResultFiles: Sendable {
    private let folder: String
    private static let style = JSONWriter.Style(indent: 4, sortsKeys: true)

    /// The results of an output folder.
    public init(folder: String) { self.folder = folder }

    /// Writes the results of a split such as `train`, and brings `all_results.json` up to date.
    ///
    /// - Parameter notes: Sentences beside the numbers, by name.
    public func write(
        _ metrics: [String: Double], split: String, notes: [String: String] = [:]
    ) throws {
        var results = JSONValue.metrics(metrics)
        for (name, note) in notes { results[name] = .string(note) }
        try AtomicFile.write(
            results.serialized(Self.style),
            to: "\(folder)/\(split)_results.json")
        let path = "\(folder)/all_results.json"
        var all: JSONValue = [:]
        do {
            all = try JSONValue(contentsOf: path)
        } catch let error as FledgeError where error.code == .fileNotFound {}
        guard all.members != nil else {
            throw FledgeError(
                .fileCorrupt, "The results are \(all.kind), not an object.", at: .init(file: path))
        }
        for member in results.members ?? [] { all[member.key] = member.value }
        try AtomicFile.write(all.serialized(Self.style), to: path)
    }

    /// The speed of an action as metrics: runtime to 4 decimals, rates to 3.
    ///
    /// - Parameter prefix: `train`, `eval` or `eval_` with a data set's name.
    public static func speed(
        _ prefix: String, seconds: Double, samples: Int, steps: Int
    ) -> [String: Double] {
        func rate(_ count: Int) -> Double {
            seconds > 0 ? TrainerLog.rounded(Double(count) / seconds, 3) : 0
        }
        return [
            prefix + "_runtime": TrainerLog.rounded(seconds, 4),
            prefix + "_samples_per_second": rate(samples),
            prefix + "_steps_per_second": rate(steps),
        ]
    }
}

extension JSONValue {
    /// An object of numbers.
    static func metrics(_ values: [String: Double]) -> JSONValue {
        .object(values.map { .init($0.key, .finite($0.value)) })
    }
}
