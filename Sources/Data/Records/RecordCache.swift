internal import FledgeColumnar
internal import FledgeCore

/// Keeps what was found out about a large file: where its rows begin, and what it holds expanded.
///
/// Files of the cache are named after the data file's path, size, times and samples of its content,
/// so a file that changed is never taken for what it was.
struct RecordCache {
    private let prefix: String
    private let path: String

    /// The version of everything that is kept.
    private static let version = 2

    /// - Parameter least: The size of files that are worth it; `nil` comes back for smaller ones.
    init?(folder: String, path: String, from least: Int) throws {
        self.path = path
        guard try ByteStore(mapping: path).bytes.count >= least else { return nil }
        try Folder.create(folder)
        prefix =
            (folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/")
            + (try FileIdentity.key(of: path, version: Self.version))
    }

    /// The places of rows, found by `scan` unless they are kept already.
    func index(
        _ kind: String, _ scan: (inout RowIndex.Builder) throws -> Void
    ) throws -> RowIndex {
        let name = "\(prefix).\(kind).rows"
        if !FileSystem.exists(name) {
            let file = try AtomicFile(path: name)
            // The count comes last, as it is known last.
            var builder = RowIndex.Builder(write: file.write)
            try scan(&builder)
            var end = UInt64(builder.count).littleEndian
            try withUnsafeBytes(of: &end) { try file.write($0) }
            try file.commit()
        }
        let store = try ByteStore(mapping: name)
        let size = store.bytes.count
        let count =
            size < 8
            ? 0
            : Int(
                clamping: UInt64(
                    littleEndian: store.bytes.loadUnaligned(
                        fromByteOffset: size - 8, as: UInt64.self)))
        let (entries, overflow) = count.multipliedReportingOverflow(by: RowIndex.entrySize)
        guard !overflow, size >= 8, size - 8 - RowIndex.entrySize == entries else {
            throw damaged(name)
        }
        return RowIndex(count: count, in: store, from: 0)
    }

    /// The bytes that `expand` writes, unless they are kept already.
    func content(
        _ kind: String,
        _ expand: (@escaping (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws -> ByteStore {
        let name = "\(prefix).\(kind).content"
        if !FileSystem.exists(name) {
            let file = try AtomicFile(path: name)
            try expand(file.write)
            try file.commit()
        }
        return try ByteStore(mapping: name)
    }

    private func damaged(_ name: String) -> FledgeError {
        FledgeError(
            .fileCorrupt, "The index of \(path) is damaged.", advice: "Remove it and try again.",
            at: FledgeError.Location(file: name))
    }
}
