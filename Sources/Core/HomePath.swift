#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Paths as people write them where no shell replaces the tilde.
public enum HomePath {
    /// The path with `~` or `~user` at its beginning replaced by that home folder, as Python's
    /// `os.path.expanduser` does it; other paths as they are.
    public static func expanded(_ path: String) -> String {
        expanded(path, home: getenv("HOME").map { String(cString: $0) })
    }

    /// The path where `HOME` says `home`; nil where it is not set.
    package static func expanded(_ path: String, home: String?) -> String {
        guard path.utf8.first == UInt8(ascii: "~") else { return path }
        let end = path.utf8.firstIndex(of: UInt8(ascii: "/")) ?? path.utf8.endIndex
        let user = String(path[path.utf8.index(after: path.startIndex)..<end])
        let entry = user.isEmpty ? getpwuid(getuid()) : getpwnam(user)
        let listed = entry.flatMap { $0.pointee.pw_dir }.map { String(cString: $0) }
        guard var folder = user.isEmpty ? home ?? listed : listed else { return path }
        while folder.utf8.last == UInt8(ascii: "/") { folder.removeLast() }
        let result = folder + path[end...]
        return result.isEmpty ? "/" : result
    }
}
