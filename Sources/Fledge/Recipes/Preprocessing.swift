public import FledgeCore
public import FledgeData

/// The rows of a run as the reference's preprocessing writes them, one JSON object each.
public struct Preprocessing {
    /// Which rows to write.
    public enum Split: String, Sendable, CaseIterable {
        /// The rows to train on, in the order of the data, before shuffling.
        case train
        /// The rows to evaluate on.
        case validation
    }

    /// What happened to tokenizer, template and rows, as sentences.
    public let summary: [String]
    private let train: AnySequence<Result<JSONValue, any Error>>
    private let evaluations: [AnySequence<JSONValue>]

    /// Loads and tokenises the data of a configuration, for its stage.
    public init(
        _ configuration: RunConfiguration, threads: Int, progress: RowProgress? = nil
    ) throws {
        func make<Method: TrainingMethod>(_ method: Method) throws -> Preprocessing {
            let text = try TextSide(configuration)
            let data = try StageData(
                configuration, text, method.recipe(configuration, text), threads: threads,
                progress: progress)
            // Rows of a template that is not the model's would be of no use to anybody.
            try configuration.requireSound(
                data.faults.filter { $0.code == .unlikeOwnTemplate }.map(RunFault.init))
            func json(_ form: SampleForm) -> (Method.Sample) -> JSONValue {
                { sample in
                    // Weights are written where there are some.
                    let weights = sample.extras.filter {
                        if case .numbers(let values) = $0.values { !values.isEmpty } else { false }
                    }
                    return .object(
                        (sample.columns(form) + weights).map { .init($0.name, $0.values.json) })
                }
            }
            let form = configuration.sampleForm(text, packedLength: data.packedLength)
            var evaluated = form
            evaluated.separatesAnswers = configuration.training.predictsWithGeneration
            return Preprocessing(data, text.notes, json(form), evaluated: json(evaluated))
        }
        self = try make(configuration.method)
    }

    private init<Sample: StageSample>(
        _ data: StageData<Sample>, _ notes: [String], _ json: @escaping (Sample) -> JSONValue,
        evaluated: @escaping (Sample) -> JSONValue
    ) {
        summary =
            notes + data.summary
            + data.faults.map { "Warning: " + RunFault($0).summary }
        // Loaded rows in the order of the data, streamed ones as they are read in the first epoch.
        let source: any SampleSource<Sample> =
            data.isStreamed ? data.train : data.known.ordered(seed: nil)
        train = AnySequence(
            (0..<source.count).lazy.compactMap { place in
                var report = DataReport()
                return Result { try source.sample(epoch: 0, place: place, &report) }
                    .map { $0.map(json) }.transposed()
            })
        evaluations = data.evaluations.map { AnySequence($0.rows.lazy.map(evaluated)) }
    }

    /// Gives every row of a split to `write`, as the line to be written.
    ///
    /// - Throws: ``FledgeError`` when there is no such split; what `write` throws.
    public func write(_ split: Split, to write: (JSONValue) throws -> Void) throws {
        switch split {
        case .train: for row in train { try write(row.get()) }
        case .validation:
            guard !evaluations.isEmpty else {
                throw FledgeError(
                    .configuration, "There are no rows to evaluate on.",
                    advice: "Set eval_dataset or val_size.")
            }
            for rows in evaluations { for row in rows { try write(row) } }
        }
    }
}

extension Result {
    /// The result of something that is there, or the failure; nil for a success without anything.
    fileprivate func transposed<Value>() -> Result<Value, Failure>? where Success == Value? {
        switch self {
        case .success(let value): value.map { .success($0) }
        case .failure(let error): .failure(error)
        }
    }
}
