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
        try folder(configuration, signature) + ".lengths"
    }

    /// Notes that a folder was used.
    func touch(_ folder: String) {
        try? FileManager.default.setAttributes(
            [.modificationDate: Date()], ofItemAtPath: folder)
    }

    /// Removes what was not used for longest, as long as there is too much.
    func prune(keeping folder: String) throws {
        let files = FileManager.default
        func size(of path: String) -> Int {
            let names = files.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
            return ([path] + names.map { path + "/" + $0 }).reduce(0) {
                let attributes = try? files.attributesOfItem(atPath: $1)
                return $0 + ((attributes?[.size] as? Int) ?? 0)
            }
        }
        var entries = Folder.names(in: path).map { path + "/" + $0 }
            .filter { Folder.exists($0) }.map { path in
                let attributes = try? files.attributesOfItem(atPath: path)
                let used = (attributes?[.modificationDate] as? Date) ?? .distantPast
                return (path: path, used: used, size: size(of: path))
            }.sorted { $0.used < $1.used }
        var total = entries.reduce(0) { $0 + $1.size }
        while total > mostBytes, let oldest = entries.first {
            entries.removeFirst()
            guard oldest.path != folder else { continue }
            try Folder.removeAtomically(oldest.path)
            total -= oldest.size
        }
    }
}
