public import FledgeCore

/// A row of a data file, as it was read.
public struct Record: Sendable {
    /// The row's members.
    public var value: JSONValue
    /// Where the row begins.
    public var location: FledgeError.Location

    /// Creates a row.
    public init(_ value: JSONValue, at location: FledgeError.Location) {
        (self.value, self.location) = (value, location)
    }
}

/// Reads the rows of data files.
public enum RecordFile {
    /// The rows of a file, or of all files of a folder in the order of their names.
    public static func read(_ path: String) throws -> [Record] {
        let location = FledgeError.Location(file: path)
        guard FileSystem.exists(path) else {
            throw FledgeError(.fileNotFound, "File \(path) not found.", at: location)
        }
        guard FileSystem.isFolder(path) else { return try readFile(path) }
        let names = try FileSystem.names(in: path)
        guard !names.isEmpty else {
            throw FledgeError(.fileNotFound, "The folder holds no files.", at: location)
        }
        let folder = path.utf8.last == UInt8(ascii: "/") ? path : path + "/"
        return try names.flatMap { try readFile(folder + $0) }
    }

    private static func readFile(_ path: String) throws -> [Record] {
        let kind = FileSystem.fileExtension(of: path) ?? "none"
        if kind == "txt" {
            let file = try MappedFile(path: path)
            var lines = file.bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
            if lines.last?.isEmpty == true { lines.removeLast() }
            return lines.enumerated().map { index, line in
                Record(
                    ["text": .string(String(decoding: line, as: UTF8.self))],
                    at: FledgeError.Location(file: path, line: index + 1))
            }
        }
        guard kind == "json" || kind == "jsonl" else {
            throw FledgeError(
                .unsupported, "A data file with the extension \(kind) cannot be read.",
                advice: "Supported are json, jsonl and txt.", at: FledgeError.Location(file: path))
        }
        let file = try MappedFile(path: path)
        return try withExtendedLifetime(file) { try parse(file.bytes, file: path) }
    }

    /// The rows of a JSON array of objects, or of objects one after another.
    ///
    /// - Parameter file: The name that locations give.
    public static func parse(_ bytes: UnsafeRawBufferPointer, file: String) throws -> [Record] {
        var parser = JSONParser(bytes, file: file)
        var records = [Record]()
        var (line, counted, lineStart) = (1, 0, 0)
        func append(_ value: JSONValue, _ start: Int) throws {
            for index in counted..<start where bytes[index] == 0x0A {
                line += 1
                lineStart = index + 1
            }
            counted = start
            let location = FledgeError.Location(
                file: file, line: line, column: start - lineStart + 1)
            guard value.members != nil else {
                throw FledgeError(
                    .data, "A row is \(value.kind), expected an object.", at: location)
            }
            records.append(Record(value, at: location))
        }
        if parser.peek() == UInt8(ascii: "[") {
            try parser.parseElements(append)
            guard parser.atEnd() else { throw parser.unexpected("nothing after the array") }
        } else {
            while !parser.atEnd() {
                let start = parser.position
                try append(parser.parseValue(), start)
            }
        }
        return records
    }
}
