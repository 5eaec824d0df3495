public import FledgeCore
internal import Synchronization

/// The rows of a Parquet file.
///
/// Rows are cheap in their order, a page of each column being in memory at a time; going back begins
/// the row group anew. Read are pages of both versions in all encodings, plain or compressed by
/// snappy or gzip (zstd with the trait `Zstandard`); lists, structures and maps as arrays and objects,
/// times and dates as the numbers that the file holds.
public final class ParquetRecords: RecordSource {
    private let store: ByteStore
    private let path: String
    private let metadata: ParquetMetadata
    private let schema: ParquetSchema
    /// The index of each group's first row.
    private let starts: [Int]
    private let cursor = Mutex<Cursor?>(nil)

    /// Where reading stands.
    private struct Cursor {
        var group: Int
        /// The next row, counted over the file.
        var row: Int
        nonisolated(unsafe) var columns: [ParquetColumn]
    }

    /// Opens a file.
    ///
    /// - Parameter columns: The columns to read, at the top level; `nil` for all.
    /// - Throws: ``FledgeError`` when the file is damaged or has none of the columns.
    public convenience init(path: String, columns: Set<String>? = nil) throws {
        try self.init(ByteStore(mapping: path), path: path, columns: columns)
    }

    /// Opens a file that is in memory.
    package convenience init(
        bytes: [UInt8], path: String, columns: Set<String>? = nil
    ) throws {
        try self.init(ByteStore(copying: bytes), path: path, columns: columns)
    }

    private init(_ store: ByteStore, path: String, columns: Set<String>?) throws {
        func fail(_ what: String) -> FledgeError {
            FledgeError(
                .fileCorrupt, "The Parquet file is damaged: found \(what).",
                at: FledgeError.Location(file: path))
        }
        (self.store, self.path) = (store, path)
        metadata = try ParquetMetadata(store.bytes, fail: fail)
        schema = try ParquetSchema(metadata.elements, columns: columns, fail: fail)
        starts = metadata.rowGroups.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.rowCount) }
        for group in metadata.rowGroups where group.chunks.count != schema.leafCount {
            throw fail(
                "\(group.chunks.count) columns in a group, \(schema.leafCount) in the schema")
        }
        guard !schema.fields.isEmpty || metadata.rowCount == 0 else {
            let names = metadata.topLevelNames.listed
            throw FledgeError(
                .data, "The file has none of the wanted columns: found \(names).",
                advice: "Name its columns under \"columns\" in dataset_info.json.",
                at: FledgeError.Location(file: path))
        }
    }

    /// Number of rows.
    public var count: Int { metadata.rowCount }

    /// False: a row is found by reading those before it.
    public var isRandomAccess: Bool { false }

    /// The file, with the number of the row in place of a line.
    public func location(at row: Int) -> FledgeError.Location {
        FledgeError.Location(file: path, line: row + 1)
    }

    /// The row at an index.
    ///
    /// - Throws: ``FledgeError`` when a page is damaged, or a column holds what has no form in JSON.
    public func record(at row: Int) throws -> Record {
        precondition(row >= 0 && row < count, "row \(row) of \(count)")
        let value = try cursor.withLock { cursor -> JSONValue in
            do {
                return try read(row, &cursor)
            } catch {
                // Columns may have stopped at different rows.
                cursor = nil
                throw error
            }
        }
        return Record(value, at: location(at: row))
    }

    private func read(_ row: Int, _ cursor: inout Cursor?) throws -> JSONValue {
        let group = group(of: row)
        if cursor?.group != group || (cursor?.row ?? .max) > row {
            cursor = Cursor(
                group: group, row: starts[group],
                columns: try schema.leaves.map {
                    try ParquetColumn(
                        store.bytes, metadata.rowGroups[group].chunks[$0.number], $0, path: path)
                })
        }
        guard var state = cursor else { return .null }
        var value = JSONValue.null
        while state.row <= row {
            var members = [JSONValue.Member]()
            for field in schema.fields {
                members.append(.init(field.name, try assemble(field, state.columns)))
            }
            value = .object(members)
            state.row += 1
        }
        cursor = state
        return value
    }

    private func group(of row: Int) -> Int {
        var (low, high) = (0, metadata.rowGroups.count)
        while low + 1 < high {
            let middle = (low + high) / 2
            if starts[middle] <= row { low = middle } else { high = middle }
        }
        return low
    }

    /// Puts the next value of a field together from the entries of its leaves.
    private func assemble(
        _ field: ParquetSchema.Field, _ columns: [ParquetColumn]
    ) throws -> JSONValue {
        let first = columns[field.leaves.lowerBound]
        if field.isOptional, try first.nextDefinition() < field.definition {
            for leaf in field.leaves { try columns[leaf].skip() }
            return .null
        }
        switch field.shape {
        case .leaf: return try first.take()
        case .members(let members):
            return .object(try members.map { .init($0.name, try assemble($0, columns)) })
        case .list(let element, let repetition, let definition):
            if try first.nextDefinition() < definition {
                for leaf in field.leaves { try columns[leaf].skip() }
                return .array([])
            }
            var items = [JSONValue]()
            repeat {
                items.append(try assemble(element, columns))
            } while try first.nextRepetition() >= repetition
            return .array(items)
        }
    }
}

extension ParquetRecords {
    /// The names of the columns that are read.
    public var columnNames: [String] { schema.fields.map(\.name) }
}

extension ParquetMetadata {
    /// The names of the columns.
    fileprivate var topLevelNames: [String] {
        var names = [String]()
        var next = 1
        while next < elements.count {
            names.append(elements[next].name)
            var open = 1
            while open > 0, next < elements.count {
                open += max(0, elements[next].type == nil ? elements[next].childCount : 0) - 1
                next += 1
            }
        }
        return names
    }
}
