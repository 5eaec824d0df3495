internal import FledgeCore

/// What each schedule takes as `lr_scheduler_kwargs` (reference: 05 §3, the schedules of transformers),
/// and what a run gives it.
struct ScheduleParameters {
    private let values: [String: OptionValue]

    /// Reads what has the form that the table asks for; what has not is left at its default.
    init(_ schedule: TrainingArguments.Schedule, _ json: JSONValue?) {
        let known = Self.known(schedule)
        let members = json?.members ?? []
        values = Dictionary(
            members.compactMap { member in
                known.first { $0.name == member.key }?.value(of: member.value)
                    .map { (member.key, $0) }
            }, uniquingKeysWith: { first, _ in first })
    }

    func number(_ name: String) -> Double? {
        if case .number(let number) = values[name] { number } else { nil }
    }

    func count(_ name: String) -> Int? {
        if case .integer(let number) = values[name] { number } else { nil }
    }

    func word(_ name: String) -> String? {
        if case .text(let word) = values[name] { word } else { nil }
    }

    /// What is wrong with the parameters of a schedule, as a sentence; nil where nothing is.
    static func fault(_ schedule: TrainingArguments.Schedule, _ json: JSONValue?) -> String? {
        let known = known(schedule)
        for member in json?.members ?? [] {
            guard let parameter = known.first(where: { $0.name == member.key }) else {
                let names = known.map(\.name).joined(separator: ", ")
                return
                    "`lr_scheduler_kwargs` has \(member.key); the schedule \(schedule.rawValue) takes "
                    + (known.isEmpty ? "nothing." : names + ".")
            }
            guard parameter.value(of: member.value) == nil else { continue }
            return
                "`lr_scheduler_kwargs` has \(member.key): \(member.value.serialized()); it should be \(parameter.form): \(parameter.help)"
        }
        let floors = floors.map(\.name).filter { json?[$0] ?? .null != .null }
        guard schedule == .cosineWithMinimum || schedule == .cosineWarmupWithMinimum,
            floors.count != 1
        else { return nil }
        guard floors.count > 1 else {
            return
                "The schedule \(schedule.rawValue) needs min_lr or min_lr_rate in `lr_scheduler_kwargs`: the last rate, or its part of the peak."
        }
        return
            "`lr_scheduler_kwargs` has \(floors.joined(separator: " and ")): each is the last rate."
    }

    /// The parameters that a schedule takes.
    static func known(_ schedule: TrainingArguments.Schedule) -> [RunOption] {
        switch schedule {
        case .linear, .constant, .constantWithWarmup: return []
        case .cosine: return [cycles(0.5, "Waves of the cosine.")]
        case .cosineWithRestarts: return [cycles(1, "How often the cosine starts at the peak.")]
        case .polynomial:
            return [
                rate("lr_end", 1e-7, "The last rate."),
                RunOption(
                    "power", .number(.atLeast(0)), 1.0, .effective,
                    "The power of what remains that the rate falls as."),
            ]
        case .inverseSquareRoot:
            return [
                RunOption(
                    "timescale", .integer(atLeast: 1), nil, .effective,
                    "Steps in which the rate falls to 1/√2; warmup_steps or 10000 when null.")
            ]
        case .cosineWithMinimum: return floors + [cycles(0.5, "Waves of the cosine.")]
        case .cosineWarmupWithMinimum:
            return floors + [
                cycles(0.5, "Waves of the cosine."),
                RunOption(
                    "warmup_lr_rate", .number(.between(0, 1)), nil, .effective,
                    "The part of the peak that the rate rises from."),
            ]
        case .warmupStableDecay:
            return [
                count("num_stable_steps", nil, "Steps at the peak; a third when null."),
                count("num_decay_steps", nil, "Steps of the fall; what remains when null."),
                RunOption(
                    "min_lr_ratio", .number(.between(0, 1)), 0.0, .effective,
                    "The last rate as a part of the peak."),
                RunOption(
                    "decay_type", .choice(StableDecaySchedule.Curve.allCases.map(\.rawValue)),
                    "cosine", .effective, "The form of the fall."),
            ]
        case .reduceOnPlateau:
            return watching("rel", 1e-4, factor: 0.1) + [
                rate("min_lr", 0, "The lowest rate."),
                rate("eps", 1e-8, "A change by less is left out."),
            ]
        case .greedy:
            return watching("abs", 1e-6, factor: 0.95) + [
                count("warmup", 0, "Evaluations after a rise that do not count."),
                rate("min_lr", 1e-3, "The lowest rate."), rate("max_lr", 1, "The highest rate."),
                rate("eps", 1e-8, "A change by less is left out."),
                count("reset_start", 500, "Falls at the lowest rate until it begins anew."),
            ]
        }
    }

    private static func cycles(_ standard: Double, _ help: String) -> RunOption {
        RunOption("num_cycles", .number(.atLeast(0)), .number(standard), .effective, help)
    }

    private static func rate(_ name: String, _ standard: Double, _ help: String) -> RunOption {
        RunOption(name, .number(.atLeast(0)), .number(standard), .effective, help)
    }

    private static func count(_ name: String, _ standard: Int?, _ help: String) -> RunOption {
        RunOption(
            name, .integer(atLeast: 0), standard.map { OptionValue.integer($0) } ?? .null,
            .effective, help)
    }

    private static let floors = [
        RunOption("min_lr", .number(.atLeast(0)), nil, .effective, "The last rate."),
        RunOption(
            "min_lr_rate", .number(.between(0, 1)), nil, .effective,
            "The last rate as a part of the peak."),
    ]

    private static func watching(
        _ mode: String, _ threshold: Double, factor: Double
    ) -> [RunOption] {
        [
            RunOption(
                "mode", .choice(["min", "max"]), nil, .effective,
                "Whether less is better, or more; as greater_is_better when null."),
            RunOption(
                "factor", .number(.fraction), .number(factor), .effective,
                "What the rate is multiplied by when it falls."),
            count("patience", 10, "Evaluations alike that change nothing yet."),
            rate("threshold", threshold, "The least change that counts."),
            RunOption(
                "threshold_mode", .choice(["rel", "abs"]), .text(mode), .effective,
                "Whether that is a part of the best value, or a number."),
            count("cooldown", 0, "Evaluations after a fall that do not count."),
        ]
    }
}

extension RunOption {
    /// A value of JSON in the form of the option; null where it says nothing, nil where it is none.
    fileprivate func value(of json: JSONValue) -> OptionValue? {
        switch json {
        case .null: return .null
        case .string(let text): return value(ofText: text)
        case .integer, .largeInteger, .number: return value(ofText: json.serialized())
        default: return nil
        }
    }
}
