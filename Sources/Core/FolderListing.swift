#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

extension Folder {
    /// The names in a folder, sorted by their bytes, `.` and `..` never among them.
    ///
    /// - Parameter hidden: Whether names that begin with a dot are among them: what is in work, and
    ///   what other programs leave behind.
    /// - Throws: ``FledgeError`` when the folder is not there or cannot be read. Who takes a missing
    ///   folder for an empty one says so: `(try? Folder.names(in: path)) ?? []`.
    public static func names(in path: String, hidden: Bool = false) throws -> [String] {
        guard let stream = opendir(path) else {
            throw FledgeError.system("read the folder", path, errno: errno)
        }
        defer { closedir(stream) }
        var names = [String]()
        errno = 0
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let isWanted = name.utf8.first != UInt8(ascii: ".") || hidden
            if isWanted, name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        // The end of the folder and a failure look alike but for this.
        guard errno == 0 else { throw FledgeError.system("read the folder", path, errno: errno) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
