internal import FledgeCore
internal import Foundation

/// The default model in the local cache, where `Scripts/fetch-model.sh` puts it.
public enum CachedModel {
    /// Path of SmolLM2-135M-Instruct; nil where it has not been fetched.
    public static var path: String? {
        let file = folder + "/SmolLM2-135M-Instruct.Q4_1.gguf"
        return FileManager.default.fileExists(atPath: file) ? file : nil
    }

    /// `$FLEDGE_CACHE`, `$XDG_CACHE_HOME/fledge` or `~/.cache/fledge`.
    public static var folder: String { CacheFolder.path() }
}
