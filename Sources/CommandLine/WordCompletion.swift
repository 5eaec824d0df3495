import Fledge
import Foundation

/// What a shell offers for the words after a command: configuration files, keys, and their values.
enum WordCompletion {
    /// The words that may stand where `word` has been begun.
    static func words(for word: String) -> [String] {
        let dashes = word.hasPrefix("--") ? "--" : ""
        let body = word.dropFirst(dashes.count)
        if let equals = body.firstIndex(of: "=") {
            let (key, value) = (String(body[..<equals]), String(body[body.index(after: equals)...]))
            return values(of: key, value).map { "\(dashes)\(key)=\($0)" }
        }
        let keys = RunOption.all.map { "\(dashes)\($0.name)=" }
        guard dashes.isEmpty else { return keys }
        let files = paths(word).filter {
            $0.hasSuffix("/") || $0.hasSuffix(".yaml") || $0.hasSuffix(".yml")
                || $0.hasSuffix(".json")
        }
        return files + keys
    }

    private static func values(of key: String, _ value: String) -> [String] {
        guard let option = RunOption.named(key) else { return [] }
        if let choices = option.choices { return choices }
        if option.kind == .flag { return ["true", "false"] }
        return option.isPath ? paths(value) : []
    }

    /// The paths that begin so, folders with a slash at their end.
    private static func paths(_ start: String) -> [String] {
        let folder = FileSystem.folder(of: start)
        let path = folder.isEmpty ? "." : HomePath.expanded(folder)
        return ((try? Folder.names(in: path)) ?? []).map { name in
            let path = folder + name
            return Folder.exists(HomePath.expanded(path)) ? path + "/" : path
        }
    }
}
