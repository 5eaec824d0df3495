public import FledgeCore
internal import FledgeData
internal import FledgeModel
internal import FledgeTensor
internal import FledgeTokenize
internal import FledgeTrain

/// What a run will train on and what it will cost, found out before it starts.
public struct RunPlan: Sendable {
    /// What it will cost.
    public struct Cost: Hashable, Sendable {
        /// Optimizer steps.
        public var steps: Int
        /// Tokens of all steps.
        public var tokens: Int
        /// Bytes at the peak: tensors, as predicted.
        public var peakBytes: Int
        /// Seconds of training, measured by a few micro-batches; nil where nothing was measured.
        public var seconds: Double?
        /// Tokens a second of the measurement.
        public var tokensPerSecond: Double?
        /// The plan of memory in a sentence.
        public var memory: String
    }

    /// What is wrong; training goes on with none of it but what `allowed_faults` names.
    public internal(set) var faults: [RunFault] = []
    /// What the user should know: changed tokens, dropped and cut rows.
    public internal(set) var notes: [String] = []
    /// The first samples.
    public internal(set) var rows: [PlannedRow] = []
    /// How long rows are.
    public internal(set) var lengths = LengthHistogram([])
    /// What happened to the rows of the data.
    public internal(set) var counts: [(name: String, count: Int)] = []
    /// The tokens that end answers, as they are written.
    public internal(set) var stopTokens: [String] = []
    /// Steps, memory and time; nil for stages that cannot be trained yet.
    public internal(set) var cost: Cost?

    /// The plan as one JSON object.
    public var json: JSONValue {
        var json: JSONValue = [
            "faults": .array(
                faults.map {
                    [
                        "code": .string($0.code), "message": .string($0.message),
                        "advice": .string($0.advice), "rows": .integer($0.count),
                        "places": .array($0.places.map { .string($0.description) }),
                    ]
                }),
            "notes": .array(notes.map { .string($0) }),
            "counts": .object(counts.map { .init($0.name, .integer($0.count)) }),
            "stop_tokens": .array(stopTokens.map { .string($0) }),
            "lengths": lengths.json, "samples": .array(rows.map(\.json)),
        ]
        if let cost {
            json["steps"] = .integer(cost.steps)
            json["tokens"] = .integer(cost.tokens)
            json["peak_bytes"] = .integer(cost.peakBytes)
            json["seconds"] = cost.seconds.map { .number($0) } ?? .null
            json["tokens_per_second"] = cost.tokensPerSecond.map { .number($0) } ?? .null
        }
        return json
    }

    /// The plan for people.
    public func text(colored: Bool) -> String {
        var lines = [String]()
        for row in rows {
            let title = row.title.isEmpty ? "Sample" : "Sample, \(row.title)"
            lines += [
                "\(title) (\(row.source)); what is learned is \(colored ? "green" : "in ⟦ ⟧"):",
                row.text(colored: colored), "ids: \(Self.shortened(row.ids))", "",
            ]
        }
        if !stopTokens.isEmpty {
            lines.append("Answers end with \(stopTokens.joined(separator: " or ")).")
        }
        lines += ["Lengths in tokens (median \(lengths.median), longest \(lengths.longest)):"]
        lines += lengths.lines
        lines += notes
        if let cost {
            var line = "\(cost.steps) steps, \(cost.tokens) tokens"
            if let seconds = cost.seconds, let rate = cost.tokensPerSecond {
                line += ", about \(TimeText.rough(seconds)) at \(Int(min(rate, 1e15))) tokens/s"
            }
            lines += [line + ".", cost.memory]
        }
        lines.append(
            faults.isEmpty
                ? "No fault was found."
                : "\(faults.count) fault\(faults.count == 1 ? "" : "s"):")
        lines += faults.map { "  " + $0.summary }
        return lines.joined(separator: "\n")
    }

    private static func shortened(_ ids: [Int32]) -> String {
        let shown = ids.count > 48 ? ids.prefix(36) : ids[...]
        return shown.map(String.init).joined(separator: " ")
            + (shown.count < ids.count
                ? " … " + ids.suffix(8).map(String.init).joined(separator: " ") : "")
    }
}
