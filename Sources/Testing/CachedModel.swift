internal import FledgeCore
internal import Foundation

/// The default model in the local cache, where `Scripts/fetch-model.sh` puts it.
public enum CachedModel {
    /// Path of SmolLM2-135M-Instruct; nil where it has not been fetched.
    public static var path: String? { file("SmolLM2-135M-Instruct.Q4_1.gguf") }

    /// Path of Gemma 3 270M, where `Scripts/fetch-gemma3.sh` puts it; nil where it has not been fetched.
    public static var gemma3: String? { file("gemma-3-270m-q4_k_m.gguf") }

    private static func file(_ name: String) -> String? {
        let file = folder + "/" + name
        return FileManager.default.fileExists(atPath: file) ? file : nil
    }

    /// `$FLEDGE_CACHE`, `$XDG_CACHE_HOME/fledge` or `~/.cache/fledge`.
    public static var folder: String { CacheFolder.path() }
}
