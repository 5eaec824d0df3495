public import FledgeColumnar
internal import FledgeCore

/// The rows of one data set, described and opened, read one by one.
public struct DatasetSource: Sendable {
    /// What the rows are.
    public let description: DatasetDescription
    let source: any RecordSource
    let aligner: Aligner
    private let rows: Range<Int>

    /// Opens a data set.
    ///
    /// - Parameters:
    ///   - readsInAnyOrder: Whether rows will be read in any order.
    ///   - cacheFolder: Where the places of rows are kept, see ``RecordFile/Options``.
    ///   - skipsBrokenRows: Whether rows that cannot be read are passed over when columns are looked
    ///     for.
    ///   - quirks: Where to be as wrong as the reference.
    /// - Throws: ``FledgeError`` when the file cannot be read or lacks a column.
    public init(
        _ description: DatasetDescription, readsInAnyOrder: Bool = false,
        cacheFolder: String? = nil, skipsBrokenRows: Bool = false, quirks: ReferenceQuirks = []
    ) throws {
        var options = RecordFile.Options()
        options.readsInAnyOrder = readsInAnyOrder
        options.cacheFolder = cacheFolder
        options.truthColumns = description.columns.ktoTag.map { [$0] } ?? []
        options.columns = description.columns.names.union(description.keptColumns)
            .union([Aligner.lossMaskColumn])
        options.removesPadding = !quirks.contains(.columnarPadding)
        let source = try RecordFile.open(description.path, options)
        do {
            try self.init(
                description, source: source, skipsBrokenRows: skipsBrokenRows, quirks: quirks)
        } catch let error as FledgeError where [.data, .configuration].contains(error.code) {
            // Columns that were not read are worth knowing when one is missing.
            options.columns = nil
            options.readsInAnyOrder = false
            guard let whole = try? RecordFile.open(description.path, options), whole.count > 0,
                let first = try? whole.record(at: 0)
            else { throw error }
            _ = try Aligner(description, source: RecordList([first]))
            throw error
        }
    }

    /// Describes rows of any source.
    public init(
        _ description: DatasetDescription, source: any RecordSource, skipsBrokenRows: Bool = false,
        quirks: ReferenceQuirks = []
    ) throws {
        (self.description, self.source) = (description, source)
        rows = description.split.rows(of: source.count)
        aligner = try Aligner(
            description, source: source, skipsBrokenRows: skipsBrokenRows, quirks: quirks)
    }

    /// Number of rows.
    public var count: Int { rows.count }

    /// Whether the rows are those of a file that is written column by column, of which no more columns
    /// are read than the description names.
    var isColumnar: Bool {
        guard let file = try? RecordFile.files(of: description.path).first,
            let format = try? RecordFormat(path: file)
        else { return false }
        return format.kind == .parquet || format.kind == .arrow
    }

    /// What the user should know about files of the data set that are not read, and about rows that are
    /// read otherwise than they look.
    var notes: [String] {
        var notes = [String]()
        if let held = try? RecordFile.heldBack(of: description.path), !held.isEmpty {
            notes.append(
                "Of the data set \(description.name) these belong to other splits and are not read: "
                    + held.listed + ".")
        }
        if count > 0, let first = try? record(at: 0), aligner.hasTranscripts(first) {
            notes.append(
                "The answers of the data set \(description.name) are whole dialogues (Human: …, "
                    + "Assistant: …): the last turn of each is the answer, what stands before is the "
                    + "question.")
        }
        return notes
    }

    /// Whether rows in any order cost about as much as rows in their own order.
    public var isRandomAccess: Bool { source.isRandomAccess }

    /// The row at an index as it is written.
    func record(at index: Int) throws -> Record {
        try source.record(at: rows.lowerBound + index)
    }

    /// The row at an index, in the common form; ``AlignedSample/fault`` says when it has to be dropped.
    ///
    /// - Throws: ``FledgeError`` with the row's place when it is not what the description says.
    public func sample(at index: Int) throws -> AlignedSample {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        return try aligner.align(source.record(at: rows.lowerBound + index))
    }

    /// The row at an index, where rows that do not fit are either all allowed or errors.
    ///
    /// - Parameter allowsFaults: Whether a row that does not fit is a sample with a fault, which
    ///   every processor drops, counts and names.
    /// - Throws: ``FledgeError`` with the row's place, what was expected and what to do.
    public func sample(at index: Int, allowingFaults allowsFaults: Bool) throws -> AlignedSample {
        let remedy = "Correct it, or set drop_invalid_rows: true to train without such rows."
        do {
            let sample = try sample(at: index)
            guard let fault = sample.fault, !allowsFaults else { return sample }
            throw FledgeError(
                .data, "A row of the data set \(description.name) does not fit: \(fault).",
                advice: remedy, at: sample.source)
        } catch var error as FledgeError where error.concernsOneRow {
            let place = error.location ?? source.location(at: rows.lowerBound + index)
            if allowsFaults {
                return AlignedSample(
                    prompt: [], response: [], source: place, fault: error.message)
            }
            error.location = place
            if error.advice.isEmpty { error.advice = remedy }
            throw error
        }
    }

    /// The rows at some indices, in that order, read by several threads where that helps.
    func samples(
        at indices: [Int], threads: Int, allowingFaults allowsFaults: Bool
    ) throws -> [AlignedSample] {
        if isRandomAccess {
            return try concurrentMap(indices, threads: threads) {
                try sample(at: $0, allowingFaults: allowsFaults)
            }
        }
        // Each row is read once, in the order of the file.
        var byIndex: [Int: AlignedSample] = [:]
        for index in Set(indices).sorted() {
            byIndex[index] = try sample(at: index, allowingFaults: allowsFaults)
        }
        return indices.compactMap { byIndex[$0] }
    }
}

extension FledgeError {
    /// Whether the file is fine but for the row.
    fileprivate var concernsOneRow: Bool {
        code == .data || (code == .fileCorrupt && location?.line != nil)
    }
}

extension DatasetDescription.Columns {
    /// The columns that are named.
    var names: Set<String> {
        Set(
            [
                prompt, query, response, history, messages, system, tools, chosen, rejected, ktoTag,
                images, videos, audios,
            ].compactMap(\.self))
    }
}
