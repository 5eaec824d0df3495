public import FledgeCore
public import FledgeData

/// What a reference gives answers, computed once and looked up afterwards.
///
/// Answers are known by their content, the tokens of their sequence and which of them are supervised, so
/// neither their place in the data nor the batch that they come in matters.
public final class KeptReference: ReferencePolicy {
    private var base: (any ReferencePolicy)?
    private var scores: [String: Double] = [:]

    /// Creates a table that is filled from a reference.
    public init(_ base: any ReferencePolicy) { self.base = base }

    /// Number of answers that are known.
    public var count: Int { scores.count }

    /// Computes what is missing of a batch.
    public func add(_ batch: AnswerBatch) throws { try add(batch, Self.keys(batch)) }

    private func add(_ batch: AnswerBatch, _ keys: [String]) throws {
        guard keys.contains(where: { scores[$0] == nil }) else { return }
        for (key, score) in zip(keys, try computed(batch)) { scores[key] = score }
    }

    /// Gives the reference up, whose memory is free then: everything is known.
    public func finish() { base = nil }

    /// Known scores; what is not known is computed.
    public func scores(_ batch: AnswerBatch) throws -> [Double] {
        let keys = Self.keys(batch)
        try add(batch, keys)
        return keys.map { scores[$0] ?? 0 }
    }

    /// Those of the reference, computed anew.
    public func logProbabilities(_ batch: TokenBatch) throws -> [Double] {
        try reference().logProbabilities(batch)
    }

    private func computed(_ batch: AnswerBatch) throws -> [Double] {
        try reference().scores(batch)
    }

    private func reference() throws -> any ReferencePolicy {
        guard let base else {
            throw FledgeError(
                .mismatch,
                "An answer is not among the \(count) that the reference was asked about before the first step.",
                advice: "Set precompute_ref_log_probs: false: the reference is asked at every step."
            )
        }
        return base
    }

    /// A digest of each sample's tokens and of which of them are supervised, and by how much.
    static func keys(_ batch: AnswerBatch) -> [String] {
        let supervision = batch.tokens.supervision
        let sequences = batch.leaves.map { batch.tokens.layout.ranges(to: $0) }
        var supervised = [[UInt8]](repeating: [], count: batch.sampleCount)
        for index in 0..<supervision.count {
            let sample = Int(supervision.samples[index])
            let row = Int(supervision.rows[index])
            var place = 0
            for range in sequences[sample] {
                if range.contains(row) {
                    place += row - range.lowerBound
                    break
                }
                place += range.count
            }
            append(UInt32(place), to: &supervised[sample])
            append(UInt32(bitPattern: supervision.targets[index]), to: &supervised[sample])
            append(supervision.weights[index].bitPattern, to: &supervised[sample])
        }
        return sequences.enumerated().map { sample, sequence in
            var digest = SHA256()
            var ids = [UInt8]()
            for row in sequence.joined() {
                append(UInt32(bitPattern: batch.tokens.ids[row]), to: &ids)
            }
            append(UInt32(ids.count), to: &ids)
            digest.update(ids)
            digest.update(supervised[sample])
            return String(digest.hexadecimal().prefix(32))
        }
    }

    private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }

    // MARK: - Files

    /// Writes the table.
    ///
    /// - Parameter digest: What it was made of; ``load(from:digest:)`` wants the same.
    public func save(to path: String, digest: String) throws {
        let members = scores.sorted { $0.key < $1.key }
        let json: JSONValue = [
            "made_of": .string(digest),
            "scores": .object(members.map { .init($0.key, .number($0.value)) }),
        ]
        try AtomicFile.write(json.serialized(.compact), to: path)
    }

    /// Takes over a table that was written before.
    ///
    /// - Throws: ``FledgeError`` when it is damaged, or made of something else.
    public func load(from path: String, digest: String) throws {
        let json = try JSONValue(contentsOf: path)
        guard json["made_of"]?.stringValue == digest else {
            throw FledgeError(
                .mismatch,
                "The scores of the reference were made of another model, template or data.",
                advice: "Remove the file: they are computed anew.", at: .init(file: path))
        }
        for member in json["scores"]?.members ?? [] {
            guard let score = member.value.doubleValue else {
                throw FledgeError(
                    .fileCorrupt, "The score of \(member.key) is no number.",
                    advice: "Remove the file: they are computed anew.", at: .init(file: path))
            }
            scores[member.key] = score
        }
    }
}
