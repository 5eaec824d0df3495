import FledgeCore
import FledgeJinja
import FledgeTokenize
import Foundation
import Testing

/// The chat templates of 70 models render as with transformers, over many shapes of dialogues.
@Suite(.enabled(if: JinjaFixtures.hasTemplates)) struct JinjaRealTemplateTests {
    private let fixture: JSONValue
    private let full: JSONValue

    init() throws {
        fixture = try JinjaFixtures.load("jinja-templates.json")
        full = try JinjaFixtures.renderings.map { try JSONValue(contentsOf: $0) } ?? .null
    }

    private func text(_ name: String) throws -> String {
        let path = JinjaFixtures.templates + "/" + name
        return String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    private func render(
        _ template: JinjaTemplate, _ shape: JSONValue
    ) throws -> JinjaTemplate.Rendering {
        var variables = shape["options"] ?? [:]
        var named = [JSONValue]()
        for key in ["tools", "documents", "add_generation_prompt"] {
            named.append(variables[key] ?? .null)
            variables[key] = nil
        }
        return try ModelChatTemplate(template, specialTokens: fixture["tokens"] ?? [:]).render(
            messages: shape["messages"] ?? [], tools: named[0], documents: named[1],
            addsGenerationPrompt: named[2].boolValue ?? false, variables: variables,
            clock: JinjaFixtures.clock)
    }

    /// The form of the fixture: a digest of text and ranges, or the error.
    private func entry(_ outcome: JSONValue, _ template: String) -> String {
        guard let text = outcome["text"]?.stringValue else {
            let kind = outcome["error"]?.stringValue ?? ""
            guard ["raised", "undefined", "security"].contains(kind) else { return kind }
            let message = outcome["message"]?.stringValue ?? ""
            return message.isEmpty ? kind : kind + ": " + message
        }
        let ranges = template.contains("generation") ? outcome["ranges"]?.serialized() ?? "" : ""
        return String(SHA256.hexadecimal(of: Array((text + ranges).utf8)).prefix(16))
    }

    private func difference(_ outcome: JSONValue, _ expected: JSONValue?) -> String {
        guard let wanted = expected?["text"]?.stringValue, let found = outcome["text"]?.stringValue
        else { return outcome.serialized() }
        let place = zip(wanted.utf8, found.utf8).prefix { $0 == $1 }.count
        func around(_ text: String) -> String {
            let bytes = Array(text.utf8.dropFirst(max(place - 40, 0)).prefix(100))
            return JSONValue.string(String(decoding: bytes, as: UTF8.self)).serialized()
        }
        return "first at byte \(place): expected \(around(wanted)), found \(around(found))"
    }

    @Test func renderingsAreThoseOfTransformers() throws {
        let shapes = fixture["shapes"]?.arrayValue ?? []
        let templates = fixture["templates"]?.members ?? []
        #expect(shapes.count >= 40 && templates.count == 70)
        var wrong = [String]()
        var count = 0
        for member in templates {
            let text = try text(member.key)
            let sum = SHA256.hexadecimal(of: Array(text.utf8))
            #expect(sum == member.value["sha256"]?.stringValue, "\(member.key) is another file")
            let template = try? JinjaTemplate(parsing: text, file: member.key)
            for (index, shape) in shapes.enumerated() {
                let name = shape["name"]?.stringValue ?? ""
                let expected = member.value["results"]?[index]?.stringValue ?? ""
                let outcome = JinjaFixtures.outcome {
                    if let template { return try render(template, shape) }
                    return try render(JinjaTemplate(parsing: text, file: member.key), shape)
                }
                count += 1
                if entry(outcome, text) != expected {
                    let detail = difference(outcome, full[member.key]?[name])
                    wrong.append("\(member.key), \(name): \(expected)\n  \(detail)")
                }
            }
        }
        #expect(count == shapes.count * templates.count)
        #expect(
            wrong.isEmpty,
            "\(wrong.count) of \(count) differ:\n\(wrong.prefix(40).joined(separator: "\n"))")
    }
}
