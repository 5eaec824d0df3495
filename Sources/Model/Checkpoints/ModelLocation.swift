import FledgeCore
import Foundation

/// Where a model lies that is named by a path or by its name on the Hugging Face hub.
///
/// Nothing is downloaded: a name stands for what the hub's own tools put into the local cache.
public struct ModelLocation: Sendable {
    /// The cache's folder, with a folder `models--owner--name` for each model.
    public let cache: String

    /// The local cache.
    ///
    /// - Parameters:
    ///   - cache: Its folder; looked up as the hub's tools do when left out.
    ///   - environment: Where `HF_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME` and `HOME` are looked up.
    public init(cache: String? = nil, environment: [String: String]) {
        let home = environment["HOME"] ?? "."
        let general = environment["XDG_CACHE_HOME"] ?? home + "/.cache"
        let hub = environment["HF_HOME"] ?? general + "/huggingface"
        self.cache = cache ?? environment["HF_HUB_CACHE"] ?? hub + "/hub"
    }

    /// The path of a model: the text itself when it exists, else its snapshot in the cache.
    ///
    /// - Parameters:
    ///   - text: A path, or `owner/name`.
    ///   - revision: A branch, tag or commit.
    ///   - file: What its folder holds.
    /// - Throws: ``FledgeError`` that says what to download and where to when there is neither.
    public func path(
        of text: String, revision: String = "main", holding file: String = "config.json"
    ) throws -> String {
        let files = FileManager.default
        guard !files.fileExists(atPath: text) else { return text }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let isName =
            parts.count == 2 && !revision.contains("..")
            && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") } && !text.hasSuffix(".gguf")
        guard isName else {
            throw FledgeError(
                .fileNotFound, "There is no such model.",
                advice: "Name a Hugging Face folder or a .gguf file.", at: .init(file: text))
        }
        let folder = "\(cache)/models--\(parts[0])--\(parts[1])"
        let reference = try? String(
            contentsOfFile: "\(folder)/refs/\(revision)", encoding: .utf8)
        let commit = reference?.trimmingCharacters(in: .whitespacesAndNewlines) ?? revision
        let snapshot = "\(folder)/snapshots/\(commit)"
        guard files.fileExists(atPath: snapshot + "/" + file) else {
            throw FledgeError(
                .fileNotFound,
                "\(text) is neither a path nor (at revision \(revision)) in the cache \(cache).",
                advice: "Download its \(file), tokenizer files and *.safetensors into a folder "
                    + "and name that folder.")
        }
        return snapshot
    }
}
