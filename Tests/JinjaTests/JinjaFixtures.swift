import FledgeCore
import FledgeJinja
import FledgeTokenize
import Foundation

/// What the tests of the template language share.
enum JinjaFixtures {
    /// 2026-01-02 03:04:05.678901, as in `Scripts/reference/jinja_environment.py`.
    static let clock = JinjaClock.fixed(secondsSince1970: 1_767_323_045.678901)

    private static let environment = ProcessInfo.processInfo.environment

    private static let cache: String = {
        if let folder = environment["FLEDGE_CACHE"] { return folder }
        if let folder = environment["XDG_CACHE_HOME"] { return folder + "/fledge" }
        return NSHomeDirectory() + "/.cache/fledge"
    }()

    /// SmolLM2, whose template is in its metadata.
    static let model = cache + "/SmolLM2-135M-Instruct.Q4_1.gguf"
    static let hasModel = FileManager.default.fileExists(atPath: model)

    /// The content of a fixture.
    static func load(_ name: String) throws -> JSONValue {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        return try JSONValue(contentsOf: folder.appending(path: "Fixtures/" + name).path)
    }

    /// The templates that `Scripts/fetch-chat-templates.sh` fetches.
    static let templates =
        environment["FLEDGE_CHAT_TEMPLATES"] ?? cache + "/chat-templates-0.3.36"
    static let hasTemplates = FileManager.default.fileExists(atPath: templates)

    /// Full renderings of the reference, if a developer made them.
    static let renderings = environment["FLEDGE_JINJA_RENDERINGS"]

    /// A rendering or an error in the form of the fixtures.
    static func outcome(_ body: () throws -> JinjaTemplate.Rendering) -> JSONValue {
        do {
            let rendering = try body()
            let ranges = rendering.generated.map {
                JSONValue.array([.integer($0.lowerBound), .integer($0.upperBound)])
            }
            return ["text": .string(rendering.text), "ranges": .array(ranges)]
        } catch let error as FledgeError {
            let kind = String(error.code.rawValue.dropFirst("template.".count))
            return ["error": .string(kind), "message": .string(error.message)]
        } catch {
            return ["error": .string("\(error)")]
        }
    }

    /// Whether an outcome is what a fixture holds; only some errors have their messages there.
    static func matches(_ outcome: JSONValue, _ expected: JSONValue) -> Bool {
        for key in ["text", "error"] where outcome[key] != expected[key] { return false }
        for key in ["message", "ranges"] {
            if let wanted = expected[key], outcome[key] != wanted { return false }
        }
        return true
    }
}
