import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Ids and labels of dialogues in every template, with SmolLM2's tokenizer and the template's own
/// control tokens, against the reference.
@Suite(.enabled(if: ReferenceFiles.hasModel))
struct TemplateIDTests {
    private static let fixture = Result { try ReferenceFiles.fixture("template_ids.json") }
    private static let tokenizer = Result { try TokenizerFile.load(ReferenceFiles.model) }

    private static func dialogues() throws -> [AlignedSample] {
        try (fixture.get()["dialogues"]?.arrayValue ?? []).map { item in
            let messages = try (item["messages"]?.arrayValue ?? []).map { value in
                let role = value["role"]?.stringValue.flatMap(Message.Role.init(rawValue:))
                return Message(try #require(role), value["content"]?.stringValue ?? "")
            }
            return AlignedSample(
                prompt: Array(messages.dropLast()), response: Array(messages.suffix(1)),
                system: item["system"]?.stringValue ?? "", tools: item["tools"]?.stringValue ?? "")
        }
    }

    /// The digests of a template, one for each set of options.
    private static func digests(
        _ name: String, _ added: [String], _ quirks: ReferenceQuirks
    ) throws -> [String] {
        let fixture = try fixture.get()
        return try (fixture["options"]?.arrayValue ?? []).map { options in
            var tokenizer = try tokenizer.get()
            for token in added { tokenizer.addSpecial(token) }
            var template = try TemplateCatalog.named(name)
            template.toolDate = fixture["date"]?.stringValue
            _ = try template.prepare(&tokenizer)
            let processor = try SupervisedProcessor(
                tokenizer: tokenizer, template: template,
                cutoffLength: options["cutoff_len"]?.intValue ?? 2048,
                masksHistory: options["mask_history"]?.boolValue ?? false, quirks: quirks)
            var digest = SHA256()
            for dialogue in try dialogues() {
                var report = DataReport()
                guard let sample = try? processor.sample(dialogue, &report) else { continue }
                for column in [sample.inputIDs, sample.labels] {
                    column.withUnsafeBytes { digest.update($0) }
                }
            }
            return String(digest.hexadecimal().prefix(16))
        }
    }

    @Test(arguments: TemplateCatalog.names) func idsAreTheReferences(name: String) throws {
        let entry = try #require(Self.fixture.get()["templates"]?[name])
        let added = (entry["added"]?.arrayValue ?? []).compactMap(\.stringValue)
        let expected = (entry["digests"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(expected.count == 3)
        for quirks in [ReferenceQuirks.all, .all.subtracting(.contentSpecials)] {
            #expect(try Self.digests(name, added, quirks) == expected, "\(quirks.names)")
        }
    }

    @Test func theFixtureIsWhole() throws {
        #expect(
            try Self.fixture.get()["templates"]?.members?.map(\.key) == TemplateCatalog.names)
        // Digests of different templates are different, so that the test above can fail.
        let all = TemplateCatalog.names.compactMap { name in
            (try? Self.fixture.get())?["templates"]?[name]?["digests"]?[0]?.stringValue
        }
        #expect(Set(all).count > 60)
    }
}
