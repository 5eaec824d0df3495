public import FledgeColumnar
public import FledgeCore

/// The rows of a JSON file: an array of objects, objects one after another, or one a line.
///
/// A file that is a single object with a member `data`, an array of objects, has its rows there.
public struct JSONRecords: RecordSource {
    private let store: ByteStore
    private let file: String
    private let index: RowIndex
    private let form: JSONScanner.Form

    /// Finds the rows of some bytes.
    ///
    /// - Parameter file: The name that places give.
    /// - Throws: ``FledgeError`` when the bytes are no sequence of values.
    public init(_ bytes: [UInt8], file: String) throws {
        try self.init(ByteStore(copying: bytes), file: file)
    }

    init(_ store: ByteStore, file: String) throws {
        var builder = RowIndex.Builder()
        try JSONScanner.scan(store.bytes, file: file, into: &builder)
        self.init(store, file: file, index: builder.index)
    }

    init(_ store: ByteStore, file: String, index: RowIndex) {
        (self.store, self.file, self.index) = (store, file, index)
        form = JSONScanner.form(of: store.bytes, file: file)
    }

    /// Number of rows.
    public var count: Int { index.count }

    /// Where the row begins.
    public func location(at row: Int) -> FledgeError.Location {
        let (line, column) = index.place(of: row)
        return FledgeError.Location(file: file, line: line, column: column)
    }

    /// The row at an index.
    ///
    /// - Throws: ``FledgeError`` when it is no object, or no JSON.
    public func record(at row: Int) throws -> Record {
        let location = location(at: row)
        var range = index.range(of: row)
        range = range.clamped(to: 0..<store.bytes.count)
        // What is missing at the end of a line is missing there, not on the next line.
        while let last = range.last, store.bytes[last].isJSONWhiteSpace {
            range = range.lowerBound..<last
        }
        var parser = JSONParser(
            UnsafeRawBufferPointer(rebasing: store.bytes[range]), file: file,
            line: location.line ?? 1, column: location.column ?? 1)
        let value = try parser.parseValue()
        // The comma or bracket after an element of an array was looked at when rows were counted.
        let follows = parser.peek()
        guard follows == nil || form == .values else {
            throw parser.unexpected("nothing after the object of the line")
        }
        guard value.members != nil else {
            throw FledgeError(
                .data, "A row is \(value.kind), expected an object.", at: location)
        }
        return Record(value, at: location)
    }
}
