public import FledgeColumnar
public import FledgeCore

/// The rows of a file of comma- or tab-separated values whose first line names the columns.
///
/// A field without quotes that is empty or one of pandas' words for a missing value (`NA`, `null`, …)
/// is null, and so is an empty one in quotes. Everything else stays the text that is written:
/// columns of numbers, which the reference reads as numbers and then cannot use, are text too.
public struct CSVRecords: RecordSource {
    private let store: ByteStore
    private let file: String
    private let index: RowIndex
    private let delimiter: UInt8
    private let columns: [String]
    private let isTruth: [Bool]

    /// Finds the rows of some bytes.
    ///
    /// - Parameters:
    ///   - delimiter: What stands between fields.
    ///   - truthColumns: The columns whose `true` and `false` are truth values, not text.
    public init(
        _ bytes: [UInt8], file: String, delimiter: UInt8 = UInt8(ascii: ","),
        truthColumns: Set<String> = []
    ) throws {
        let store = ByteStore(copying: bytes)
        var builder = RowIndex.Builder()
        try CSVScanner.scan(store.bytes, file: file, delimiter: delimiter, into: &builder)
        try self.init(
            store, file: file, index: builder.index, delimiter: delimiter,
            truthColumns: truthColumns)
    }

    init(
        _ store: ByteStore, file: String, index: RowIndex, delimiter: UInt8,
        truthColumns: Set<String>
    ) throws {
        (self.store, self.file, self.index, self.delimiter) = (store, file, index, delimiter)
        var scanner = CSVScanner(store.bytes, file: file, delimiter: delimiter)
        guard scanner.skipBlankLines() else {
            throw FledgeError(
                .fileCorrupt, "The file is empty, expected a line with the names of columns.",
                at: FledgeError.Location(file: file))
        }
        let place = FledgeError.Location(file: file, line: scanner.line)
        var seen = Set<[UInt8]>()
        columns = try scanner.readRow().enumerated().map { number, field in
            var name = field.bytes.isEmpty ? Array("Unnamed: \(number)".utf8) : field.bytes
            let base = name
            var copy = 1
            while !seen.insert(name).inserted {
                name = base + Array(".\(copy)".utf8)
                copy += 1
            }
            return try name.withUnsafeBytes { try text($0, at: place) }
        }
        isTruth = columns.map(truthColumns.contains)
    }

    /// Number of rows, the names of the columns not counted.
    public var count: Int { index.count }

    /// Where the row begins.
    public func location(at row: Int) -> FledgeError.Location {
        FledgeError.Location(file: file, line: index.place(of: row).line, column: 1)
    }

    /// The row at an index.
    ///
    /// - Throws: ``FledgeError`` when it has more fields than there are columns, or is not UTF-8.
    public func record(at row: Int) throws -> Record {
        let location = location(at: row)
        let start = index.range(of: row).lowerBound
        var scanner = CSVScanner(
            store.bytes, file: file, delimiter: delimiter, from: start, line: location.line ?? 1)
        let fields = try scanner.readRow()
        guard fields.count <= columns.count else {
            var place = location
            place.column = fields[columns.count].start - start + 1
            throw FledgeError(
                .data,
                "The row has \(fields.count) fields, expected \(columns.count): "
                    + columns.listed + ".",
                advice: "A field with a delimiter in it has to be in quotes.", at: place)
        }
        let members = try columns.enumerated().map { number, column in
            guard number < fields.count else { return JSONValue.Member(column, .null) }
            return JSONValue.Member(
                column, try value(fields[number], isTruth: isTruth[number], at: location))
        }
        return Record(.object(members), at: location)
    }

    private func value(
        _ field: CSVScanner.Field, isTruth: Bool, at location: FledgeError.Location
    ) throws -> JSONValue {
        if field.bytes.isEmpty { return .null }
        if !field.isQuoted, field.bytes.count <= 9, Self.missing.contains(field.bytes) {
            return .null
        }
        if isTruth {
            switch String(decoding: field.bytes, as: UTF8.self) {
            case "True", "TRUE", "true": return .bool(true)
            case "False", "FALSE", "false": return .bool(false)
            default: break
            }
        }
        return .string(try field.bytes.withUnsafeBytes { try text($0, at: location) })
    }

    /// The words that pandas takes for missing values.
    private static let missing = Set(
        [
            "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
            "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
        ].map { Array($0.utf8) })
}
