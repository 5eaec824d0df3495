public import FledgeColumnar
internal import FledgeCore

/// Opens data files.
public enum RecordFile {
    /// What is known about the rows before they are read.
    public struct Options: Hashable, Sendable {
        /// Columns of CSV files whose `true` and `false` are truth values.
        public var truthColumns: Set<String> = []
        /// The columns that Parquet and Arrow files are read for; `nil` for all of them.
        public var columns: Set<String>?
        /// Whether what is null inside of the columns of columnar files, where it only pads, is left out.
        public var removesPadding = false
        /// Whether rows will be read in any order: Parquet is then converted as a whole.
        public var readsInAnyOrder = false
        /// The folder that keeps the places of rows and what compressed files hold, so that opening
        /// a large file again takes no time; `nil` keeps both in memory.
        public var cacheFolder: String?
        /// The size of files from which on something is kept in the folder.
        public var cachesFrom = 16 << 20

        /// Creates options for small files of any kind.
        public init() {}
    }

    /// The rows of a file, or of all files of a folder in the order of their names.
    ///
    /// - Throws: ``FledgeError`` when there is no such file, its name says nothing known, or the
    ///   files of a folder are of different formats.
    public static func open(_ path: String, _ options: Options = Options()) throws
        -> any RecordSource
    {
        let files = try files(of: path)
        guard FileSystem.isFolder(path) else {
            return try openFile(path, RecordFormat(path: path), options)
        }
        // A folder without files is an error before.
        let kind = try RecordFormat(path: files[0]).kind
        let parts = try files.map { file -> any RecordSource in
            let format = try RecordFormat(path: file)
            guard format.kind == kind else {
                throw FledgeError(
                    .data,
                    "File types should be identical: found \(format.kind.rawValue) after "
                        + "\(kind.rawValue).", at: FledgeError.Location(file: file))
            }
            return try openFile(file, format, options)
        }
        return parts.count == 1 ? parts[0] : ConcatenatedRecords(parts)
    }

    /// All rows of a file, or of all files of a folder in the order of their names.
    public static func read(_ path: String, _ options: Options = Options()) throws -> [Record] {
        let source = try open(path, options)
        return try (0..<source.count).map(source.record)
    }

    /// The file at a path, or the files of a folder in the order of their names.
    static func files(of path: String) throws -> [String] {
        guard FileSystem.exists(path) else {
            throw FledgeError(
                .fileNotFound, "File \(path) not found.", at: FledgeError.Location(file: path))
        }
        guard FileSystem.isFolder(path) else { return [path] }
        return try DataFolder(path).files
    }

    /// The files of a folder that belong to other splits than the one to train on.
    static func heldBack(of path: String) throws -> [String] {
        FileSystem.isFolder(path) ? try DataFolder(path).heldBack : []
    }

    private static func openFile(
        _ path: String, _ format: RecordFormat, _ options: Options
    ) throws -> any RecordSource {
        let cache = try options.cacheFolder.flatMap {
            try RecordCache(folder: $0, path: path, from: options.cachesFrom)
        }
        if let source = try openColumns(path, format, options, cache) {
            return options.removesPadding ? UnpaddedRecords(source) : source
        }
        let store = try expanded(path, format, cache)
        try ForeignContent.refuse(
            store.bytes, expected: format.kind.words, allowingText: format.kind == .text,
            at: FledgeError.Location(file: path))
        func index(_ scan: (inout RowIndex.Builder) throws -> Void) throws -> RowIndex {
            if let cache {
                let index = try cache.index(format.kind.rawValue, scan)
                if options.readsInAnyOrder { store.expectRandomAccess() }
                return index
            }
            var builder = RowIndex.Builder()
            try scan(&builder)
            return builder.index
        }
        switch format.kind {
        case .json:
            let index = try index { try JSONScanner.scan(store.bytes, file: path, into: &$0) }
            return JSONRecords(store, file: path, index: index)
        case .text:
            let index = try index { try LineScanner.lines(store.bytes, into: &$0) }
            return TextRecords(store, file: path, index: index)
        default:
            let delimiter = format.kind == .csv ? UInt8(ascii: ",") : UInt8(ascii: "\t")
            let index = try index {
                try CSVScanner.scan(store.bytes, file: path, delimiter: delimiter, into: &$0)
            }
            return try CSVRecords(
                store, file: path, index: index, delimiter: delimiter,
                truthColumns: options.truthColumns)
        }
    }

    /// The rows of a file that is written column by column; nil for any other.
    private static func openColumns(
        _ path: String, _ format: RecordFormat, _ options: Options, _ cache: RecordCache?
    ) throws -> (any RecordSource)? {
        guard format.kind == .parquet || format.kind == .arrow else { return nil }
        let head = try ByteStore(mapping: path)
        let magic = format.kind == .parquet ? "PAR1" : "ARROW1"
        if !head.bytes.starts(with: magic.utf8) {
            try ForeignContent.refuse(
                head.bytes, expected: format.kind.words, at: FledgeError.Location(file: path))
        }
        guard format.kind == .parquet else {
            return try ArrowRecords(path: path, columns: options.columns)
        }
        let source = try ParquetRecords(path: path, columns: options.columns)
        guard options.readsInAnyOrder else { return source }
        return try ConvertedRecords(source, options.columns, cache)
    }

    /// The file's bytes, or what they hold when they are compressed.
    private static func expanded(
        _ path: String, _ format: RecordFormat, _ cache: RecordCache?
    ) throws -> ByteStore {
        guard let compression = format.compression else { return try ByteStore(mapping: path) }
        func expand(_ write: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
            let packed = try ByteStore(mapping: path)
            switch compression {
            case .gzip: try Gzip.expand(packed.bytes, file: path, write: write)
            case .zstandard: try Zstandard.expand(packed.bytes, file: path, write: write)
            }
        }
        if let cache { return try cache.content("expanded", expand) }
        return try ByteStore(writing: expand)
    }
}
