import FledgeCore
import Foundation

/// The files that tests use when they are there.
enum ReferenceFiles {
    private static let environment = ProcessInfo.processInfo.environment

    private static let cache: String = {
        if let folder = environment["FLEDGE_CACHE"] { return folder }
        if let folder = environment["XDG_CACHE_HOME"] { return folder + "/fledge" }
        return NSHomeDirectory() + "/.cache/fledge"
    }()

    /// SmolLM2, whose tokenizer is in its metadata.
    static let model = cache + "/SmolLM2-135M-Instruct.Q4_1.gguf"

    /// The reference's demonstration data, fetched by `Scripts/fetch-reference-data.sh`.
    static let data = environment["FLEDGE_REFERENCE_DATA"] ?? cache + "/llamafactory-data"

    static let hasModel = FileManager.default.fileExists(atPath: model)
    static let hasData = FileManager.default.fileExists(atPath: data + "/dataset_info.json")

    /// The root of the package.
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// Parquet, Arrow and compressed files.
    static let columnar = root + "/Tests/ColumnarTests/Fixtures/"

    static func fixture(_ name: String) throws -> JSONValue {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        return try JSONValue(contentsOf: folder.appending(path: "Fixtures/" + name).path)
    }
}
