import FledgeCore
import FledgeJinja
import FledgeTokenize
import Testing

/// Templates that are read off a model's own one, and compared with it.
@Suite struct TemplateAgreementTests {
    private static let chatML = """
        {% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] \
        + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}\
        {{ '<|im_start|>assistant\\n' }}{% endif %}
        """
    private static let withDefault =
        "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nBe good.<|im_end|>\n{% endif %}"
        + chatML

    private func derived(_ source: String) throws -> (ChatTemplate, ModelChatTemplate) {
        let own = ModelChatTemplate(try JinjaTemplate(parsing: source))
        return (try ChatTemplate(deriving: "own", from: own), own)
    }

    private func differences(
        _ template: ChatTemplate, _ own: ModelChatTemplate?
    ) throws -> [String] {
        let tokenizer = try TinyTokenizer.make("smollm", FixtureTexts.load("tiny.json"))
        return try TemplateAgreement(template, tokenizer, own: own).outcomes().compactMap {
            if case .differs = $0.result { $0.shape } else { nil }
        }
    }

    @Test func slotsAreReadOff() throws {
        let (template, own) = try derived(Self.chatML)
        let known = try TemplateCatalog.named("chatml")
        #expect(template.system == known.system && template.user == known.user)
        #expect(template.assistant == known.assistant && template.defaultSystem.isEmpty)
        #expect(template.family == .plain && template.prefix.isEmpty)
        #expect(try differences(template, own).isEmpty)
        #expect(try differences(known, own).isEmpty)
    }

    @Test func theSystemTextOfTheModelIsFound() throws {
        let (template, own) = try derived(Self.withDefault)
        #expect(template.defaultSystem == "Be good.")
        #expect(try differences(template, own).isEmpty)
        // Another system text is noticed wherever the dialogue brings none.
        let known = try TemplateCatalog.named("chatml")
        let wrong = try differences(known, own)
        #expect(wrong.contains("a question") && !wrong.contains("a system text"))
    }

    @Test func whatStandsOnceIsThePrefix() throws {
        let (template, own) = try derived("<s>" + Self.chatML)
        #expect(template.prefix == [.text("<s>")])
        let (bare, _) = try derived(Self.chatML)
        #expect(bare.prefix.isEmpty && bare.user == template.user)
        #expect(template.user == (try TemplateCatalog.named("chatml")).user)
        #expect(try differences(template, own).isEmpty)
    }

    @Test func thoughtsMakeAReasoningTemplate() throws {
        let source =
            "{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}{{ m.content }};{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}"
        let (template, _) = try derived(source)
        #expect(template.family == .reasoning)
        #expect(template.assistant == [.text("{{content}};")])
        // What every answer has is a part of it.
        let (all, _) = try derived(source.replacing(" and loop.last", with: ""))
        #expect(all.family == .plain)
        #expect(all.assistant == [.text("<think>\n\n</think>\n\n{{content}};")])
    }

    @Test func whatCannotBeReadOffIsRefused() {
        let silent = #expect(throws: FledgeError.self) { try derived("nothing of it") }
        #expect(silent?.advice.contains("template: model") == true)
        let refusing = #expect(throws: FledgeError.self) {
            try derived("{{ raise_exception('Only tools.') }}")
        }
        #expect(refusing?.message.contains("Only tools.") == true)
    }

    @Test func withoutATemplateOfItsOwnTrainingAndQuestionsAreCompared() throws {
        #expect(try differences(try TemplateCatalog.named("chatml"), nil).isEmpty)
        // In training, earlier answers have thoughts or empty ones; in questions they have none.
        let found = try differences(try TemplateCatalog.named("qwen3"), nil)
        #expect(found.contains("a thought in an earlier answer") && found.contains("two turns"))
        #expect(!found.contains("a question") && !found.contains("a thought"))
    }

    @Test func placesAreNamed() throws {
        let own = ModelChatTemplate(
            try JinjaTemplate(
                parsing: Self.chatML.replacing("'<|im_end|>' + '\\n'", with: "'<|im_end|>'")))
        let tokenizer = try TinyTokenizer.make("smollm", FixtureTexts.load("tiny.json"))
        let outcomes = try TemplateAgreement(
            TemplateCatalog.named("chatml"), tokenizer, own: own
        ).outcomes(over: [DialogueShape("one", "a", "b")])
        guard case .differs(let found)? = outcomes.first?.result else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(found.map(\.comparison) == [.questionWithOwn, .trainingWithOwn])
        #expect(found[0].place > 0 && found[0].first != found[0].second)
    }
}
