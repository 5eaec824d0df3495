internal import FledgeCore
internal import FledgeData
internal import Foundation

/// Tokenised data that are kept for the next run.
///
/// What is kept is named after everything that it is made of: the content of all data files, how
/// they are described and mixed, the tokenizer, the template, all options of the data, and the
/// program itself. It is therefore never stale; what is used no more is removed when there is too
/// much.
public struct TokenizedCache: Sendable {
    /// The folder, by default in `$FLEDGE_CACHE`.
    public var path: String
    /// The size of data files, in bytes, from which on something is kept.
    public var leastBytes = 16 << 20
    /// The most bytes that are kept.
    public var mostBytes = 10 << 30

    /// The cache of this user.
    public init() { self.init(path: CacheFolder.path() + "/tokenized") }

    /// A cache in a folder.
    public init(path: String) { self.path = path }

    /// Whether anything can be kept; a run goes on without where nothing can.
    var isWritable: Bool {
        (try? Folder.create(path)) != nil && access(path, W_OK | X_OK) == 0
    }

    /// What the user is told where nothing can be kept.
    var blockedNote: String {
        "The tokenised data are not kept: the cache \(path) cannot be written; FLEDGE_CACHE names another place."
    }

    /// Whether a run's data are so large that keeping them saves time.
    func isWorthwhile(_ configuration: RunConfiguration) throws -> Bool {
        try configuration.datasetOptions.contentSize() >= leastBytes
    }

    /// The folder of a run's tokenised data.
    func folder(
        _ configuration: RunConfiguration, _ signature: TokenizedSignature
    ) throws -> String {
        let digest = try configuration.datasetOptions.contentDigest(memory: path)
        return path + "/" + signature.key(ofData: digest)
    }

    /// The file for the lengths of streamed rows.
    func lengthsFile(
        _ configuration: RunConfiguration, _ signature: TokenizedSignature
    ) throws -> String {
        do { try Folder.create(path) } catch {
            throw FledgeError(
                .fileAccess,
                "The cache, which holds the lengths of packed rows that are streamed, cannot be "
                    + "written.",
                advice: "Set FLEDGE_CACHE to a folder that can be written, or streaming: false.",
                at: .init(file: path), cause: error)
        }
        let file = try folder(configuration, signature) + ".lengths"
        touch(file)
        try prune(keeping: file)
        return file
    }

    /// Notes that something was used.
    func touch(_ path: String) {
        try? FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: path)
    }

    /// Removes what was not used for longest, as long as there is too much.
    ///
    /// - Parameter kept: What was just made; it stays whatever its size.
    func prune(keeping kept: String) throws {
        // All that belongs together begins with the same digest; what begins with a point is in work.
        let names = (try? Folder.names(in: path)) ?? []
        let groups = Dictionary(grouping: names) { String($0.prefix { $0 != "." }) }
        var entries = groups.values.map { names in Entry(names.map { path + "/" + $0 }) }
        entries.sort { $0.used < $1.used }
        var total = entries.reduce(0) { $0 + $1.size }
        while total > mostBytes, !entries.isEmpty {
            let oldest = entries.removeFirst()
            guard !oldest.paths.contains(kept) else { continue }
            for path in oldest.paths { try Folder.removeAtomically(path) }
            total -= oldest.size
        }
    }

    /// Files and folders that belong together.
    private struct Entry {
        let paths: [String]
        let used: Date
        let size: Int

        init(_ paths: [String]) {
            let files = FileManager.default
            func attributes(_ path: String) -> [FileAttributeKey: Any] {
                (try? files.attributesOfItem(atPath: path)) ?? [:]
            }
            self.paths = paths
            used =
                paths.compactMap { attributes($0)[.modificationDate] as? Date }.max()
                ?? .distantPast
            let all = paths.flatMap { path in
                let inside = files.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
                return [path] + inside.map { path + "/" + $0 }
            }
            size = all.reduce(0) { $0 + ((attributes($1)[.size] as? Int) ?? 0) }
        }
    }
}
