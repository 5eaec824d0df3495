import FledgeCore
import FledgeTokenize
import FuzzSupport

/// Any text as a chat template: it gives a text or an error of our own, within its limits.
@main struct Templates: FuzzTarget {
    private let fixture = Fixtures.json("JinjaTests", "jinja-snippets.json")
    private let values: JSONValue

    init() {
        var values = fixture["values"] ?? [:]
        values["messages"] = [
            ["role": "system", "content": "Be brief."], ["role": "user", "content": "Hi <b>é</b>"],
            [
                "role": "assistant", "content": nil,
                "tool_calls": [["function": ["name": "f", "arguments": ["a": 1.5]]]],
            ],
        ]
        values["add_generation_prompt"] = true
        values["bos_token"] = "<s>"
        values["tools"] = [["type": "function", "function": ["name": "f", "parameters": [:]]]]
        self.values = values
    }

    func run(_ input: UnsafeRawBufferPointer) {
        let limits = JinjaLimits(work: 100_000, nesting: 800, textBytes: 1 << 20)
        do {
            let template = try JinjaTemplate(
                parsing: String(decoding: input, as: UTF8.self), file: "input")
            let rendering = try template.render(
                values, clock: .fixed(secondsSince1970: 1.7e9), limits: limits)
            demand(rendering.text.utf8.count <= limits.textBytes, "a text beyond its limit")
            for range in rendering.generated {
                demand(range.upperBound <= rendering.text.utf8.count, "a range beyond the text")
            }
        } catch let error as FledgeError {
            // What a template raises has the template's own words, or none.
            demand(
                error.code == .templateRaised || !error.message.isEmpty,
                "an error without a message")
        } catch { fatalError("\(error) is no error of our own") }
    }

    func writeSeeds(_ folder: SeedFolder) {
        for (index, snippet) in (fixture["cases"]?.arrayValue ?? []).enumerated() {
            folder.write(Array((snippet["template"]?.stringValue ?? "").utf8), "snippet-\(index)")
        }
    }
}
