#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The few questions about paths that the lower modules ask without Foundation.
package enum FileSystem {
    /// Whether something is there.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether the path is a folder.
    package static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The part of a path before its last component, with the slash; empty for a bare name.
    package static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(path[..<path.utf8.index(after: slash)])
    }

    /// The letters after the last dot of the last component; `nil` when there is none.
    package static func fileExtension(of path: String) -> String? {
        let name = path.utf8.dropFirst(folder(of: path).utf8.count)
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > name.startIndex else {
            return nil
        }
        return String(Substring(name[name.index(after: dot)...]))
    }

    /// Where a path leads when it is a symbolic link, also to something that is not there yet; other
    /// paths as they are, without slashes at their end.
    package static func followingLinks(_ path: String) -> String {
        var path = path
        // As many links in a row as the kernel follows.
        for _ in 0..<40 {
            while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
            var bytes = [CChar](repeating: 0, count: 4096)
            let count = readlink(path, &bytes, bytes.count)
            guard count > 0, count < bytes.count else { return path }
            let target = String(
                decoding: bytes.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
            path = target.utf8.first == UInt8(ascii: "/") ? target : folder(of: path) + target
        }
        return path
    }
}
