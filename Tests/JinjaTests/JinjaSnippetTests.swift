import FledgeCore
import FledgeJinja
import FledgeTokenize
import Testing

/// Small templates give what Jinja2 itself gives, or its kind of error.
@Suite struct JinjaSnippetTests {
    private func mismatches(
        _ fixture: JSONValue, changing: (JSONValue) -> JSONValue = { $0 }
    ) -> [String] {
        let values = fixture["values"] ?? [:]
        return (fixture["cases"]?.arrayValue ?? []).compactMap { example in
            let text = example["template"]?.stringValue ?? ""
            let outcome = JinjaFixtures.outcome {
                try JinjaTemplate(parsing: text, file: "snippet")
                    .render(values, clock: JinjaFixtures.clock)
            }
            let expected = changing(example)
            if JinjaFixtures.matches(outcome, expected) { return nil }
            return "\(example["group"]?.stringValue ?? ""): \(text)\n  expected \(shown(expected))"
                + "\n  found    \(shown(outcome))"
        }
    }

    private func shown(_ outcome: JSONValue) -> String {
        var copy = outcome
        copy["template"] = nil
        copy["group"] = nil
        return copy.serialized()
    }

    @Test(arguments: ["jinja-snippets.json": 600, "jinja-random.json": 500])
    func everySnippetIsAsInJinja(_ name: String, _ count: Int) throws {
        let fixture = try JinjaFixtures.load(name)
        #expect(fixture["cases"]?.arrayValue?.count ?? 0 >= count)
        let wrong = mismatches(fixture)
        #expect(wrong.isEmpty, "\(wrong.count) differ:\n\(wrong.joined(separator: "\n"))")
    }

    @Test func aWrongExpectationIsNoticed() throws {
        let fixture = try JinjaFixtures.load("jinja-snippets.json")
        let wrong = mismatches(fixture) { example in
            var copy = example
            if let text = example["text"]?.stringValue { copy["text"] = .string(text + "!") }
            if example["error"] != nil { copy["error"] = "none" }
            return copy
        }
        #expect(wrong.count == fixture["cases"]?.arrayValue?.count)
    }
}
