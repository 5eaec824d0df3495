public import FledgeColumnar
public import FledgeCore

/// The lines of a text file, each a row with the single column `text`.
///
/// Lines end at LF, CR LF or CR; empty ones are rows too, as in the reference.
public struct TextRecords: RecordSource {
    private let store: ByteStore
    private let file: String
    private let index: RowIndex

    /// Finds the lines of some bytes.
    public init(_ bytes: [UInt8], file: String) throws {
        let store = ByteStore(copying: bytes)
        var builder = RowIndex.Builder()
        try LineScanner.lines(store.bytes, into: &builder)
        self.init(store, file: file, index: builder.index)
    }

    init(_ store: ByteStore, file: String, index: RowIndex) {
        (self.store, self.file, self.index) = (store, file, index)
    }

    /// Number of lines.
    public var count: Int { index.count }

    /// Where the line begins.
    public func location(at row: Int) -> FledgeError.Location {
        FledgeError.Location(file: file, line: index.place(of: row).line, column: 1)
    }

    /// The line at an index, without its end.
    ///
    /// - Throws: ``FledgeError`` when it is not UTF-8.
    public func record(at row: Int) throws -> Record {
        let range = index.range(of: row).clamped(to: 0..<store.bytes.count)
        var line = store.bytes[range]
        if line.last == 0x0A { line = line.dropLast() }
        if line.last == 0x0D { line = line.dropLast() }
        let location = location(at: row)
        return Record(
            .object([
                .init(
                    "text", .string(try text(UnsafeRawBufferPointer(rebasing: line), at: location)))
            ]),
            at: location)
    }
}

/// Text of checked UTF-8.
///
/// - Throws: ``FledgeError`` that names the column of the first wrong byte of the line.
func text(
    _ bytes: UnsafeRawBufferPointer, at location: FledgeError.Location
) throws -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var (iterator, parser) = (bytes.makeIterator(), Unicode.UTF8.ForwardParser())
    var place = location
    place.column = location.column ?? 1
    while case .valid(let scalar) = parser.parseScalar(from: &iterator) {
        place.column? += scalar.count
    }
    throw FledgeError(
        .fileCorrupt, "The text is not UTF-8.",
        advice: "Convert the file, for example with iconv.", at: place)
}
