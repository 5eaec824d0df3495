public import FledgeColumnar
import FledgeCore
import FledgeTokenize

/// Brings the rows of a data set into the common form.
public struct Aligner: Sendable {
    let description: DatasetDescription
    let quirks: ReferenceQuirks
    /// Reads messages with the tags of the description.
    let reader: MessageReader
    /// The columns that are read.
    private let readColumns: [String]

    /// Creates an aligner for rows that were read together.
    ///
    /// - Parameter quirks: With `openai_alignment` rows in that form are as in the reference, with
    ///   `message_members` it is only read what the reference reads.
    /// - Throws: ``FledgeError`` when the rows lack a column that the description names.
    public init(
        _ description: DatasetDescription, records: [Record], quirks: ReferenceQuirks = []
    ) throws {
        (self.description, self.quirks) = (description, quirks)
        reader = Self.reader(description, description.tags, quirks)
        // Few names are found faster one by one.
        readColumns = Array(description.readColumns)
        var known = Set<[UInt8]>()
        for record in records {
            for member in record.value.members ?? [] { known.insert(Array(member.key.utf8)) }
        }
        guard let first = records.first else { return }
        for (meaning, column) in required where !known.contains(Array(column.utf8)) {
            throw missing(meaning, column, in: first)
        }
        for column in description.keptColumns.sorted() where !known.contains(Array(column.utf8)) {
            throw description.missing(kept: column, among: known)
        }
    }

    /// The columns that must exist in the file.
    private var required: [(String, String)] {
        let columns = description.columns
        var wanted: [(String, String?)] = [
            ("system", columns.system), ("tools", columns.tools), ("kto_tag", columns.ktoTag),
        ]
        if description.formatting == .alpaca {
            wanted += [
                ("prompt", columns.prompt), ("query", columns.query),
                ("history", columns.history),
            ]
            if !description.isRanking { wanted.append(("response", columns.response)) }
        } else {
            wanted.append(("messages", columns.messages ?? "conversations"))
        }
        if description.isRanking {
            wanted += [("chosen", columns.chosen), ("rejected", columns.rejected)]
        }
        return wanted.compactMap { meaning, column in column.map { (meaning, $0) } }
    }

    /// The row in the common form.
    public func align(_ record: Record) throws -> AlignedSample {
        var sample =
            switch description.formatting {
            case .alpaca: try alpaca(record)
            case .sharegpt, .openai: try dialogue(record)
            }
        sample.source = record.location
        sample.tools = try text(description.columns.tools, record, acceptingJSON: true)
        if description.formatting == .openai, quirks.contains(.openAIAlignment) {
            sample.system = Self.referenceSystem(sample.system, hasTools: !sample.tools.isEmpty)
        }
        noteUnreadColumns(record, &sample)
        keepColumns(record, &sample)
        return sample
    }

    /// Whether nothing is read but what the reference reads.
    var readsAsReference: Bool { quirks.contains(.messageMembers) }

    /// Reads messages with some tags.
    func reader(_ tags: DatasetDescription.Tags) -> MessageReader {
        Self.reader(description, tags, quirks)
    }

    private static func reader(
        _ description: DatasetDescription, _ tags: DatasetDescription.Tags,
        _ quirks: ReferenceQuirks
    ) -> MessageReader {
        let isReference = quirks.contains(.messageMembers)
        return MessageReader(
            dataset: description.name, tags: tags, isReference: isReference,
            readsCalls: !isReference || description.formatting == .openai)
    }

    /// Notes the columns that hold something and that nothing reads, and values that a later one of
    /// the same name replaces.
    private func noteUnreadColumns(_ record: Record, _ sample: inout AlignedSample) {
        let members = record.value.members ?? []
        let replaced = members.replaced
        for (index, member) in members.enumerated() {
            if readColumns.contains(member.key) {
                if replaced.contains(index) {
                    sample.noteUnread(.column(member.key + " (the first of two of this name)"))
                }
            } else if KnownNames.isWorthReading(member), !sample.isCopied(in: member, self) {
                sample.noteUnread(.column(member.key))
            }
        }
    }

    func value(_ column: String?, _ record: Record) -> JSONValue? {
        column.flatMap { record.value[$0] }
    }

    /// The text of a column; null and absent read as empty.
    func text(
        _ column: String?, _ record: Record, acceptingJSON: Bool = false
    ) throws -> String {
        guard let value = value(column, record) else { return "" }
        switch value {
        case .string(let text): return text
        case .null, .bool(false): return ""
        case .array, .object:
            if acceptingJSON { return value.serialized() }
        default: break
        }
        throw unexpected(record, column, value, "a text")
    }

    func unexpected(
        _ record: Record, _ column: String?, _ found: JSONValue, _ expected: String
    ) -> FledgeError {
        FledgeError(
            .data,
            "The column \(column ?? "?") of the data set \(description.name) holds \(found.kind), "
                + "expected \(expected).", at: record.location)
    }

    /// Names the missing column and the mapping that would fit the row.
    private func missing(_ meaning: String, _ column: String, in record: Record) -> FledgeError {
        let keys = record.value.members?.map(\.key) ?? []
        let guesses: [(String, [String])] =
            description.formatting == .alpaca
            ? [
                ("prompt", ["instruction", "prompt", "question", "query", "text"]),
                ("query", ["input", "context"]),
                ("response", ["output", "response", "answer", "completion", "target"]),
                ("history", ["history"]), ("system", ["system"]),
            ] : [("messages", ["conversations", "messages", "conversation", "dialogue"])]
        let mapping = guesses.compactMap { meaning, names in
            names.first { keys.contains($0) }.map { "\"\(meaning)\": \"\($0)\"" }
        }
        let advice =
            mapping.isEmpty
            ? "Name the columns under \"columns\" in dataset_info.json."
            : "The rows would fit with \"columns\": {\(mapping.joined(separator: ", "))} in "
                + "dataset_info.json."
        return FledgeError(
            .data,
            "The data set \(description.name) has no column \(column) (its \(meaning)): found "
                + "\(keys.isEmpty ? "none" : keys.listed).",
            advice: advice, at: record.location)
    }
}
