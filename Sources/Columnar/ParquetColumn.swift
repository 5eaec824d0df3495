internal import FledgeCore

/// Goes through the entries of a column of a row group, a page at a time.
final class ParquetColumn {
    private let file: UnsafeRawBufferPointer
    private let chunk: ParquetMetadata.Chunk
    private let leaf: ParquetSchema.Leaf
    private let fail: (String) -> FledgeError
    private let decoder: ParquetValues
    private var position: Int
    private let end: Int
    private var dictionary: [JSONValue]?
    private var page = ParquetPage()
    /// The next entry of the page, and the next of its values.
    private var (entry, value) = (0, 0)
    private var remaining: Int

    init(
        _ file: UnsafeRawBufferPointer, _ chunk: ParquetMetadata.Chunk, _ leaf: ParquetSchema.Leaf,
        path: String
    ) throws {
        func fail(_ what: String) -> FledgeError {
            FledgeError(
                .fileCorrupt,
                "The column \(leaf.path) of the Parquet file is damaged: found \(what).",
                at: FledgeError.Location(file: path))
        }
        (self.file, self.chunk, self.leaf, self.fail) = (file, chunk, leaf, fail)
        decoder = ParquetValues(leaf: leaf, fail: fail)
        guard !chunk.isElsewhere, !chunk.isEncrypted else {
            throw FledgeError(
                .unsupported,
                "The column \(leaf.path) is "
                    + (chunk.isEncrypted ? "encrypted." : "in another file."),
                at: FledgeError.Location(file: path))
        }
        guard chunk.type == leaf.type.rawValue else {
            throw fail("another type than in the schema")
        }
        guard chunk.valueCount >= 0, chunk.start >= 4, chunk.compressedSize >= 0,
            chunk.compressedSize <= file.count, chunk.start <= file.count - chunk.compressedSize
        else { throw fail("a place outside of the file") }
        position = chunk.start
        end = chunk.start + chunk.compressedSize
        remaining = chunk.valueCount
    }

    /// The repetition level of the next entry; 0 at the end.
    func nextRepetition() throws -> Int {
        guard try fill() else { return 0 }
        return page.repetitions.isEmpty ? 0 : Int(page.repetitions[entry])
    }

    /// The definition level of the next entry.
    func nextDefinition() throws -> Int {
        guard try fill() else { throw fail("fewer values than rows") }
        return page.definitions.isEmpty ? leaf.maxDefinition : Int(page.definitions[entry])
    }

    /// Takes the next entry: its value, or null where it is not there.
    func take() throws -> JSONValue {
        let isThere = try nextDefinition() == leaf.maxDefinition
        entry += 1
        guard isThere else { return .null }
        value += 1
        guard value <= page.values.count else { throw fail("fewer values than levels") }
        return page.values[value - 1]
    }

    /// Moves over the next entry.
    func skip() throws { _ = try take() }

    /// Reads pages until there is an entry; false at the end of the column.
    private func fill() throws -> Bool {
        while entry >= page.count {
            guard remaining > 0, position < end else { return false }
            try readPage()
        }
        return true
    }

    private struct Header {
        var kind = -1
        var size = 0
        var compressedSize = 0
        var sum: UInt32?
        var count = 0
        var encoding = 0
        var (definitionEncoding, repetitionEncoding) = (3, 3)
        var (definitionSize, repetitionSize) = (0, 0)
        var isCompressed = true
    }

    private func readPage() throws {
        let part = UnsafeRawBufferPointer(rebasing: file[..<end])
        var reader = ThriftReader(part, from: position, fail: fail)
        let header = try readHeader(&reader)
        let start = reader.position
        guard header.size >= 0, header.compressedSize >= 0,
            header.compressedSize <= end - start
        else { throw fail("a page that is larger than the column") }
        position = start + header.compressedSize
        let body = UnsafeRawBufferPointer(rebasing: file[start..<position])
        if let sum = header.sum, let found = Zlib.cyclicRedundancyCheck(body), sum != found {
            throw fail("other bytes than the check sum says")
        }
        switch header.kind {
        case 0, 2, 3:
            guard header.count >= 0, header.count <= ParquetPage.mostValues else {
                throw fail("too many values in a page")
            }
            if header.kind == 2 { return try readDictionary(header, body) }
            guard header.count <= remaining else {
                throw fail("more values than the footer counts")
            }
            remaining -= header.count
            page = try header.kind == 0 ? firstVersion(header, body) : secondVersion(header, body)
            (entry, value) = (0, 0)
        default: break
        }
    }

    private func readHeader(_ reader: inout ThriftReader) throws -> Header {
        var header = Header()
        try reader.structure { reader, field, kind in
            switch (field, kind) {
            case (1, .int): header.kind = try reader.integer()
            case (2, .int): header.size = try reader.integer()
            case (3, .int): header.compressedSize = try reader.integer()
            case (4, .int): header.sum = UInt32(truncatingIfNeeded: try reader.integer())
            case (5, .structure), (7, .structure), (8, .structure):
                let isSecond = field == 8
                try reader.structure { reader, field, kind in
                    switch (field, kind) {
                    case (1, .int): header.count = try reader.integer()
                    case (2, .int) where !isSecond: header.encoding = try reader.integer()
                    case (3, .int) where !isSecond:
                        header.definitionEncoding = try reader.integer()
                    case (4, .int) where !isSecond:
                        header.repetitionEncoding = try reader.integer()
                    case (4, .int): header.encoding = try reader.integer()
                    case (5, .int): header.definitionSize = try reader.integer()
                    case (6, .int): header.repetitionSize = try reader.integer()
                    case (7, .no) where isSecond: header.isCompressed = false
                    default: return false
                    }
                    return true
                }
            default: return false
            }
            return true
        }
        return header
    }

    private func readDictionary(_ header: Header, _ body: UnsafeRawBufferPointer) throws {
        guard dictionary == nil else { throw fail("a second dictionary") }
        dictionary = try withExpanded(body, size: header.size) { bytes in
            var reader = ParquetEncoding(bytes, fail: fail)
            return try decoder.plain(&reader, count: header.count)
        }
    }

    private func firstVersion(
        _ header: Header, _ body: UnsafeRawBufferPointer
    ) throws -> ParquetPage {
        try withExpanded(body, size: header.size) { bytes in
            var reader = ParquetEncoding(bytes, fail: fail)
            var page = ParquetPage()
            page.count = header.count
            func levels(_ maximum: Int, _ encoding: Int) throws -> [UInt32] {
                guard maximum > 0 else { return [] }
                guard encoding == 3 else { throw fail("an old encoding of levels") }
                let size = try reader.word()
                var inner = ParquetEncoding(try reader.take(size), fail: fail)
                return try inner.runs(
                    width: ParquetValues.width(of: maximum), count: header.count)
            }
            page.repetitions = try levels(leaf.maxRepetition, header.repetitionEncoding)
            page.definitions = try levels(leaf.maxDefinition, header.definitionEncoding)
            return try withValues(page, &reader, header)
        }
    }

    private func secondVersion(
        _ header: Header, _ body: UnsafeRawBufferPointer
    ) throws -> ParquetPage {
        var levels = ParquetEncoding(body, fail: fail)
        var page = ParquetPage()
        page.count = header.count
        let repetitions = try levels.take(header.repetitionSize)
        let definitions = try levels.take(header.definitionSize)
        let levelSize = levels.position
        func runs(_ bytes: UnsafeRawBufferPointer, _ maximum: Int) throws -> [UInt32] {
            guard maximum > 0 else { return [] }
            var reader = ParquetEncoding(bytes, fail: fail)
            return try reader.runs(width: ParquetValues.width(of: maximum), count: header.count)
        }
        page.repetitions = try runs(repetitions, leaf.maxRepetition)
        page.definitions = try runs(definitions, leaf.maxDefinition)
        let rest = UnsafeRawBufferPointer(rebasing: body[levelSize...])
        guard header.isCompressed else {
            var reader = ParquetEncoding(rest, fail: fail)
            return try withValues(page, &reader, header)
        }
        return try withExpanded(rest, size: header.size - levelSize) { bytes in
            var reader = ParquetEncoding(bytes, fail: fail)
            return try withValues(page, &reader, header)
        }
    }

    private func withValues(
        _ page: ParquetPage, _ reader: inout ParquetEncoding, _ header: Header
    ) throws -> ParquetPage {
        var page = page
        let maximum = UInt32(leaf.maxDefinition)
        guard page.definitions.allSatisfy({ $0 <= maximum }),
            page.repetitions.allSatisfy({ $0 <= UInt32(leaf.maxRepetition) })
        else { throw fail("a level that is too high") }
        let count =
            leaf.maxDefinition == 0 ? page.count : page.definitions.count { $0 == maximum }
        page.values = try decoder.decode(
            &reader, encoding: header.encoding, count: count, dictionary: dictionary)
        return page
    }

    /// Expands the bytes of a page.
    private func withExpanded<Result>(
        _ body: UnsafeRawBufferPointer, size: Int,
        _ use: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard size >= 0 else { throw fail("a page of negative size") }
        if chunk.codec == 0 || body.isEmpty {
            guard size == body.count else { throw fail("a page of another size") }
            return try use(body)
        }
        let expanded = try BlockCompression.expand(
            body, codec: chunk.codec, size: size, column: leaf.path, fail: fail)
        return try expanded.withUnsafeBytes(use)
    }
}
