public import FledgeCore

/// A sample that can be kept in a table, in the columns of the reference's preprocessing.
public protocol ColumnarSample: Sendable {
    /// What the reference has of the sample.
    func columns(_ form: SampleForm) -> [SampleColumn]

    /// What it has beside that, kept in a table of its own.
    var extras: [SampleColumn] { get }

    /// Where the parts of the sample are written.
    var places: [FledgeError.Location] { get }

    /// Reads a sample.
    ///
    /// - Throws: ``FledgeError`` when a column is missing or does not fit the others.
    init(_ row: SampleRow, _ form: SampleForm) throws
}

/// How the samples of a table are written.
public struct SampleForm: Hashable, Sendable {
    /// Tokens of a row into which several samples are packed, filled up with padding; `nil` for rows
    /// of one sample.
    public var packedLength: Int?
    /// Whether a packed row numbers its samples in the mask.
    public var isNeat = false
    /// The token that fills rows up.
    public var padding: Int32 = 0
    /// Whether rows of one sample keep the question and, as labels, the answer apart.
    public var separatesAnswers = false
    /// Whether rows are texts of which every token is learned, and no labels are written.
    public var isText = false
    /// A token that such texts do not learn.
    public var unlearned: Int32?
    /// Ids that the tokenizer has, to check what is read.
    public var vocabularyCount = Int(Int32.max)

    /// The form of rows of one sample.
    public init() {}
}

extension ProcessedSample {
    /// Reads a sample with labels.
    fileprivate init(_ row: SampleRow, prefix: String) throws {
        let ids = try row.tokens(prefix + "input_ids")
        self.init(
            inputIDs: ids, labels: try row.labels(prefix + "labels", count: ids.count),
            weights: try row.weights(prefix + "weights", count: ids.count), source: row.places[0])
    }

    fileprivate func columns(prefix: String) -> [SampleColumn] {
        Self.tokens(inputIDs, prefix) + [.init(prefix + "labels", .integers(labels))]
    }

    fileprivate static func tokens(_ ids: [Int32], _ prefix: String = "") -> [SampleColumn] {
        [
            .init(prefix + "input_ids", .integers(ids)),
            .init(
                prefix + "attention_mask", .marks(Array(repeating: 1, count: ids.count))),
        ]
    }

    fileprivate func weightColumn(_ prefix: String) -> SampleColumn {
        .init(prefix + "weights", .numbers(weights ?? []))
    }
}

extension PackedRow: ColumnarSample {
    /// The tokens and labels, with positions where samples are packed.
    public func columns(_ form: SampleForm) -> [SampleColumn] {
        if form.isText { return ProcessedSample.tokens(samples[0].inputIDs) }
        if form.separatesAnswers {
            let begin = samples[0].labels.firstIndex { $0 != ProcessedSample.ignored }
            let ids = samples[0].inputIDs
            return ProcessedSample.tokens(Array(ids[..<(begin ?? ids.count)]))
                + [.init("labels", .integers(Array(samples[0].labels[(begin ?? ids.count)...])))]
        }
        guard let length = form.packedLength else { return samples[0].columns(prefix: "") }
        let packed = columns(length: length, padding: form.padding, neat: form.isNeat)
        return [
            .init("input_ids", .integers(packed.inputIDs)),
            .init("attention_mask", .integers(packed.attention)),
            .init("position_ids", .integers(packed.positions)),
            .init("labels", .integers(packed.labels)),
        ]
    }

    /// The samples' places in the data set, lengths and weights.
    public var extras: [SampleColumn] {
        let isWeighted = samples.contains { $0.weights != nil }
        let weights = samples.flatMap {
            $0.weights ?? Array(repeating: 1, count: $0.inputIDs.count)
        }
        return [
            .init("indices", .integers(indices.map { Int32(clamping: $0) })),
            .init("lengths", .integers(samples.map { Int32($0.inputIDs.count) })),
            .init("weights", .numbers(isWeighted ? weights : [])),
        ]
    }

    /// Where the samples are written.
    public var places: [FledgeError.Location] { samples.map(\.source) }

    /// Reads a row of samples.
    public init(_ row: SampleRow, _ form: SampleForm) throws {
        let ids = try row.tokens("input_ids")
        let labels =
            form.isText
            ? ids.map { $0 == form.unlearned ? ProcessedSample.ignored : $0 }
            : try row.labels("labels", count: ids.count)
        let lengths =
            try row.extra("lengths")?.map(Int.init) ?? Self.lengths(row, labels: labels)
        let weights = try row.weights("weights", count: lengths.reduce(0, +))
        let indices = try row.extra("indices")?.map(Int.init) ?? lengths.map { _ in row.index }
        guard lengths.allSatisfy({ $0 >= 0 }), lengths.reduce(0, +) <= ids.count,
            indices.count == lengths.count, row.places.count == lengths.count || row.isForeign
        else { throw row.failure("lengths of samples that do not fit the row") }
        var (samples, start) = ([ProcessedSample](), 0)
        for (number, length) in lengths.enumerated() {
            let range = start..<start + length
            samples.append(
                ProcessedSample(
                    inputIDs: Array(ids[range]), labels: Array(labels[range]),
                    weights: weights.map { Array($0[range]) },
                    source: row.places[row.isForeign ? 0 : number]))
            start += length
        }
        self.init(samples: samples, indices: indices)
    }

    /// Where samples end in a row that the reference has packed.
    private static func lengths(_ row: SampleRow, labels: [Int32]) throws -> [Int] {
        guard let positions = try row.integers("position_ids") else { return [labels.count] }
        guard positions.count == labels.count else {
            throw row.failure("\(positions.count) positions for \(labels.count) labels")
        }
        let starts = positions.indices.filter { positions[$0] == 0 }
        var lengths = zip(starts, starts.dropFirst() + [positions.count]).map { $1 - $0 }
        // Padding has the position 0 throughout.
        var end = positions.count
        while lengths.count > 1, lengths.last == 1, labels[end - 1] == ProcessedSample.ignored {
            lengths.removeLast()
            end -= 1
        }
        return lengths
    }
}

extension PairwiseSample: ColumnarSample {
    /// Tokens and labels of both answers.
    public func columns(_ form: SampleForm) -> [SampleColumn] {
        chosen.columns(prefix: "chosen_") + rejected.columns(prefix: "rejected_")
    }

    /// The length of the question, and weights.
    public var extras: [SampleColumn] {
        [
            .init("prompt_count", .integers([Int32(clamping: promptCount)])),
            chosen.weightColumn("chosen_"), rejected.weightColumn("rejected_"),
        ]
    }

    /// Where the pair is written.
    public var places: [FledgeError.Location] { [source] }

    /// Reads a pair.
    public init(_ row: SampleRow, _ form: SampleForm) throws {
        let chosen = try ProcessedSample(row, prefix: "chosen_")
        let rejected = try ProcessedSample(row, prefix: "rejected_")
        let learned = chosen.labels.firstIndex { $0 != ProcessedSample.ignored }
        let count = try row.extra("prompt_count")?.first.map(Int.init) ?? learned
        self.init(
            chosen: chosen, rejected: rejected, promptCount: count ?? chosen.labels.count)
        guard (0...min(chosen.inputIDs.count, rejected.inputIDs.count)).contains(promptCount)
        else { throw row.failure("a question of \(promptCount) tokens") }
    }
}

extension FeedbackSample: ColumnarSample {
    /// Tokens and labels of both answers, and whether the first one is good.
    public func columns(_ form: SampleForm) -> [SampleColumn] {
        target.columns(prefix: "") + mismatched.columns(prefix: "kl_")
            + [.init("kto_tags", .flag(isDesirable))]
    }

    /// The weights.
    public var extras: [SampleColumn] {
        [target.weightColumn(""), mismatched.weightColumn("kl_")]
    }

    /// Where the answer is written.
    public var places: [FledgeError.Location] { [target.source] }

    /// Reads a sample.
    public init(_ row: SampleRow, _ form: SampleForm) throws {
        self.init(
            target: try ProcessedSample(row, prefix: ""),
            mismatched: try ProcessedSample(row, prefix: "kl_"),
            isDesirable: try row.flag("kto_tags"))
    }
}

extension PromptSample: ColumnarSample {
    /// The tokens of the question; the labels are the answer.
    public func columns(_ form: SampleForm) -> [SampleColumn] {
        ProcessedSample.tokens(promptIDs) + [.init("labels", .integers(responseIDs))]
    }

    /// Nothing.
    public var extras: [SampleColumn] { [] }

    /// Where the question is written.
    public var places: [FledgeError.Location] { [source] }

    /// Reads a question.
    public init(_ row: SampleRow, _ form: SampleForm) throws {
        self.init(
            promptIDs: try row.tokens("input_ids"), responseIDs: try row.tokens("labels"),
            source: row.places[0])
    }
}
