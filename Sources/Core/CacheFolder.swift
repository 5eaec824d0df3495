#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The folder for what can be made again: fetched models, the places of rows in large files.
public enum CacheFolder {
    /// `$FLEDGE_CACHE`, `$XDG_CACHE_HOME/fledge` or `~/.cache/fledge`.
    public static func path() -> String {
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        if let folder = variable("FLEDGE_CACHE") { return folder }
        if let folder = variable("XDG_CACHE_HOME") { return folder + "/fledge" }
        let home = variable("HOME") ?? getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) }
        return (home ?? ".") + "/.cache/fledge"
    }
}
