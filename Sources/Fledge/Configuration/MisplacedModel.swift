internal import FledgeCore
internal import Foundation

/// A model where the file of a configuration should be: `fledge chat NAME_OR_FOLDER`, as other
/// programs are called.
struct MisplacedModel {
    /// What is there.
    private let found: String
    /// The key that names it.
    private let key: String
    private let path: String

    /// Recognises a model's folder, its file, and its name on a hub; nil for what may be a
    /// configuration, or a slip in the name of one.
    init?(path: String) {
        self.path = path
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            guard Self.isHubName(path) else { return nil }
            (found, key) = ("There is no such file", "model_name_or_path")
            return
        }
        if isFolder.boolValue {
            let isAdapter = FileManager.default.fileExists(atPath: path + "/adapter_config.json")
            found = isAdapter ? "This is an adapter's folder" : "This is a folder"
            key = isAdapter ? "adapter_name_or_path" : "model_name_or_path"
            return
        }
        guard let file = try? MappedFile(path: path) else { return nil }
        let isModel =
            file.bytes.starts(with: "GGUF".utf8)
            || ForeignContent.named(in: file.bytes.prefix(512)) == ForeignContent.safetensors
        guard isModel else { return nil }
        (found, key) = ("This is a model's file", "model_name_or_path")
    }

    /// What is wrong, and how a model is named.
    var error: FledgeError {
        let isAdapter = key == "adapter_name_or_path"
        return FledgeError(
            .configuration, "\(found), expected a YAML file.",
            advice: isAdapter
                ? "An adapter goes as \(key)=\(path), beside the model_name_or_path that it was trained on."
                : "A model goes as \(key)=\(path).",
            at: .init(file: path))
    }

    /// `owner/name`, without an ending that a configuration has, where no folder `owner` is that a
    /// file was meant to be in.
    private static func isHubName(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !["", ".", "..", "~"].contains(parts[0]), !parts[1].isEmpty,
            !FileManager.default.fileExists(atPath: String(parts[0]))
        else { return false }
        return ![".yaml", ".yml", ".json", ".txt"].contains { path.lowercased().hasSuffix($0) }
    }
}
