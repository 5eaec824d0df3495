internal import FledgeCore

/// The rows of one data set, described and opened, read one by one.
public struct DatasetSource: Sendable {
    /// What the rows are.
    public let description: DatasetDescription
    private let source: any RecordSource
    private let aligner: Aligner
    private let rows: Range<Int>

    /// Opens a data set.
    ///
    /// - Parameters:
    ///   - cacheFolder: Where the places of rows are kept, see ``RecordFile/Options``.
    ///   - skipsBrokenRows: Whether rows that cannot be read are passed over when columns are looked
    ///     for.
    /// - Throws: ``FledgeError`` when the file cannot be read or lacks a column.
    public init(
        _ description: DatasetDescription, cacheFolder: String? = nil,
        skipsBrokenRows: Bool = false
    ) throws {
        var options = RecordFile.Options()
        options.cacheFolder = cacheFolder
        options.truthColumns = description.columns.ktoTag.map { [$0] } ?? []
        options.columns = description.columns.names
        let source = try RecordFile.open(description.path, options)
        do {
            try self.init(description, source: source, skipsBrokenRows: skipsBrokenRows)
        } catch let error as FledgeError where error.code == .data && !source.isRandomAccess {
            // Columns that were not read are worth knowing when one is missing.
            options.columns = nil
            guard let whole = try? RecordFile.open(description.path, options), whole.count > 0,
                let first = try? whole.record(at: 0)
            else { throw error }
            _ = try Aligner(description, source: RecordList([first]))
            throw error
        }
    }

    /// Describes rows of any source.
    public init(
        _ description: DatasetDescription, source: any RecordSource, skipsBrokenRows: Bool = false
    ) throws {
        (self.description, self.source) = (description, source)
        rows = description.split.rows(of: source.count)
        aligner = try Aligner(description, source: source, skipsBrokenRows: skipsBrokenRows)
    }

    /// Number of rows.
    public var count: Int { rows.count }

    /// Whether rows in any order cost about as much as rows in their own order.
    public var isRandomAccess: Bool { source.isRandomAccess }

    /// The row at an index, in the common form.
    ///
    /// - Throws: ``FledgeError`` with the row's place when it is not what the description says.
    public func sample(at index: Int) throws -> AlignedSample {
        precondition(index >= 0 && index < count, "row \(index) of \(count)")
        return try aligner.align(source.record(at: rows.lowerBound + index))
    }

    /// The row at an index, checked.
    ///
    /// - Throws: ``FledgeError`` also for a row that has a fault which would drop it.
    func soundSample(at index: Int) throws -> AlignedSample {
        let sample = try sample(at: index)
        guard let fault = sample.fault else { return sample }
        throw FledgeError(
            .data, "A row of the data set \(description.name) does not fit: \(fault).",
            advice: "Correct it, or set drop_invalid_rows: true to train without such rows.",
            at: sample.source)
    }

    /// Where the row at an index is written.
    func location(at index: Int) -> FledgeError.Location {
        source.location(at: rows.lowerBound + index)
    }

    /// The rows at some indices, in that order, read by several threads where that helps.
    ///
    /// - Parameter drops: Receives the rows that do not fit, in order; `nil` makes them errors.
    func samples(
        at indices: [Int], threads: Int, drops: ((DataReport.Dropped) -> Void)?
    ) throws -> [AlignedSample] {
        let catches = drops != nil
        @Sendable func read(_ index: Int) throws -> Result<AlignedSample, FledgeError> {
            do {
                return .success(try soundSample(at: index))
            } catch var error as FledgeError where catches && error.concernsOneRow {
                error.location = error.location ?? location(at: index)
                return .failure(error)
            }
        }
        let results: [Result<AlignedSample, FledgeError>]
        if isRandomAccess {
            results = try concurrentMap(indices, threads: threads, read)
        } else {
            // Each row is read once, in the order of the file.
            var byIndex: [Int: Result<AlignedSample, FledgeError>] = [:]
            for index in Set(indices).sorted() { byIndex[index] = try read(index) }
            results = indices.compactMap { byIndex[$0] }
        }
        return results.compactMap { result in
            switch result {
            case .success(let sample): return sample
            case .failure(let error):
                let place = error.location ?? FledgeError.Location(file: description.path)
                drops?(DataReport.Dropped(source: place, reason: error.message))
                return nil
            }
        }
    }
}

extension FledgeError {
    /// Whether the file is fine but for the row.
    fileprivate var concernsOneRow: Bool { code == .data || (code == .fileCorrupt && location?.line != nil) }
}

extension DatasetDescription.Columns {
    /// The columns that are named.
    fileprivate var names: Set<String> {
        Set(
            [
                prompt, query, response, history, messages, system, tools, chosen, rejected, ktoTag,
                images, videos, audios,
            ].compactMap(\.self))
    }
}
