internal import FledgeCore

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A file of JSON values, one a line, that a run appends to.
struct LineFile {
    let path: String

    /// Appends lines in one write, so that a reader never sees half of one.
    func append(_ values: JSONValue...) throws { try append(values) }

    /// Appends lines in one write.
    func append(_ values: [JSONValue]) throws {
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FledgeError.system("open", path, errno: errno) }
        defer { close(descriptor) }
        let lines = Array(values.map { $0.serialized() + "\n" }.joined().utf8)
        let written = lines.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written == lines.count else {
            throw FledgeError.system("write", path, errno: written < 0 ? errno : ENOSPC)
        }
    }

    /// Removes the file, if it is there.
    func remove() throws {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw FledgeError.system("remove", path, errno: errno)
        }
    }

    /// Keeps some lines; one that a crash left incomplete goes.
    func keep(where isKept: (JSONValue) -> Bool) throws {
        let file: MappedFile
        do { file = try MappedFile(path: path) } catch let error as FledgeError
            where error.code == .fileNotFound
        { return }
        var kept = [UInt8]()
        for line in file.bytes.split(separator: UInt8(ascii: "\n")) {
            let bytes = UnsafeRawBufferPointer(rebasing: line)
            guard let value = try? JSONValue(parsing: bytes, file: path), isKept(value) else {
                continue
            }
            kept += bytes
            kept.append(UInt8(ascii: "\n"))
        }
        try AtomicFile.write(kept, to: path)
    }
}
