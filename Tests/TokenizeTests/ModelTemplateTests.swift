import FledgeCore
import FledgeJinja
import FledgeTokenize
import Foundation
import Testing

/// Dialogues that models' own templates write: ids and what is learned are those of transformers.
@Suite struct ModelTemplateTests {
    private let fixture: JSONValue
    private let tokenizer: TextTokenizer

    init() throws {
        fixture = try FixtureTexts.load("template-model.json")
        tokenizer = try TinyTokenizer.whole()
    }

    private func own(_ source: String) throws -> ModelChatTemplate {
        ModelChatTemplate(
            try JinjaTemplate(parsing: source), specialTokens: fixture["tokens"] ?? [:])
    }

    private func template(_ source: String, _ variables: JSONValue = [:]) throws -> ChatTemplate {
        ChatTemplate(
            writingAs: ModelRendering(
                try own(source), variables: variables, clock: ChatTemplates.clock))
    }

    private static func dialogue(_ texts: [String]) -> (messages: [Message], system: String) {
        let system = texts.first.flatMap { $0.hasPrefix("@") ? String($0.dropFirst()) : nil }
        let turns = texts.dropFirst(system == nil ? 0 : 1)
        return (
            turns.enumerated().map { Message($0.offset % 2 == 0 ? .user : .assistant, $0.element) },
            system ?? ""
        )
    }

    private static func digest(_ ids: [Int32]) -> String {
        let text = "[" + ids.map(String.init).joined(separator: ",") + "]"
        return String(SHA256.hexadecimal(of: Array(text.utf8)).prefix(12))
    }

    private func entry(_ template: ChatTemplate, _ texts: [String]) -> String {
        let (messages, system) = Self.dialogue(texts)
        do {
            let dialogues = try template.encodeDialogues(messages, system: system, with: tokenizer)
            let asked = try template.encodePrompt(
                Array(messages.dropLast()), system: system, with: tokenizer)
            guard let last = dialogues.last else { return "nothing" }
            // Every answer is learned once, in the sample that writes it as it was.
            let numbers = dialogues.flatMap { Array(Set($0.numbers)) }
            #expect(numbers.count == Set(numbers).count)
            let ids = last.turns.flatMap { $0.prompt + $0.response } + last.tail
            let learned =
                last.turns.flatMap { turn in
                    turn.prompt.map { _ in Int32(0) } + turn.response.map { _ in Int32(1) }
                } + last.tail.map { _ in 0 }
            return [asked, ids, learned].map(Self.digest).joined(separator: " ")
        } catch let error as FledgeError {
            return error.code == .mismatch ? "no extension" : "refused"
        } catch {
            return "\(error)"
        }
    }

    private func compare(_ name: String, _ source: String) throws -> [String] {
        let template = try template(source)
        return (fixture["dialogues"]?.members ?? []).enumerated().compactMap { index, dialogue in
            let texts = (dialogue.value.arrayValue ?? []).compactMap(\.stringValue)
            let expected = fixture["results"]?[name]?[index]?.stringValue ?? "nothing"
            let found = entry(template, texts)
            return found == expected ? nil : "\(name), \(dialogue.key): \(found), not \(expected)"
        }
    }

    @Test func blocksAreLearnedAsTransformersMarksThem() throws {
        let templates = fixture["generation"]?.members ?? []
        #expect(templates.count >= 4)
        for template in templates {
            #expect(try compare(template.key, template.value.stringValue ?? "") == [])
        }
    }

    @Test(.enabled(if: ChatTemplates.hasTemplates))
    func realTemplatesAsWithTransformers() throws {
        var (wrong, count) = ([String](), 0)
        for name in try FileManager.default.contentsOfDirectory(atPath: ChatTemplates.templates) {
            let url = URL(filePath: ChatTemplates.templates + "/" + name)
            wrong += try compare(name, String(decoding: Data(contentsOf: url), as: UTF8.self))
            count += 1
        }
        #expect(count == 70)
        #expect(wrong.isEmpty, "\(wrong.count) differ:\n\(wrong.joined(separator: "\n"))")
    }

    @Test(.enabled(if: ChatTemplates.hasTemplates))
    func whatIsReadOffARealTemplateAgreesOrIsRefused() throws {
        var (agreeing, differing, refused) = (0, [String](), [String]())
        let plain = DialogueShape.all.filter {
            $0.tools.isEmpty && $0.thinking == nil
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: ChatTemplates.templates) {
            let url = URL(filePath: ChatTemplates.templates + "/" + name)
            var own = try own(String(decoding: Data(contentsOf: url), as: UTF8.self))
            own.clock = ChatTemplates.clock
            let label = String(name.dropLast(".jinja".count))
            guard let template = try? ChatTemplate(deriving: name, from: own) else {
                refused.append(label)
                continue
            }
            // A model's tokenizer knows what its template writes.
            var tokenizer = tokenizer
            for mark in template.marks + ["<s>", "</s>"] { tokenizer.addSpecial(mark) }
            let outcomes = try TemplateAgreement(template, tokenizer, own: own)
                .outcomes(over: plain)
            let wrong = outcomes.compactMap { outcome -> String? in
                if case .differs = outcome.result { outcome.shape } else { nil }
            }
            if wrong.isEmpty { agreeing += 1 } else { differing.append(label) }
        }
        #expect(refused.sorted() == Self.refused)
        #expect(differing.sorted() == Self.differing)
        #expect(agreeing == 70 - Self.refused.count - Self.differing.count)
    }

    /// Templates that ask in another way than they write answers, or do not write messages as they are.
    private static let refused = [
        "Apriel-1.6-15b-Thinker-fixed", "Cohere2MoE", "CohereForAI-c4ai-command-r-plus-tool_use",
        "CohereForAI-c4ai-command-r7b-12-2024-tool_use", "GLM-4.7-Flash", "MiniMax-M2",
        "NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use",
        "NousResearch-Hermes-3-Llama-3.1-8B-tool_use", "Qwen-QwQ-32B", "Spark2.5",
        "deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
        "deepseek-ai-DeepSeek-V3.2", "fireworks-ai-llama-3-firefunction-v2",
        "google-gemma-4-31B-it-interleaved", "google-gemma-4-31B-it", "llama-cpp-deepseek-r1",
    ].sorted()

    /// Templates whose history, white space or system texts slots cannot say for the tokenizer of the
    /// test; what a run has of it is found in its rows.
    private static let differing = [
        "Apertus-8B-Instruct", "Bielik-11B-v3.0-Instruct", "GigaChat3-10B-A1.8B",
        "GigaChat3.1-10B-A1.8B", "HuggingFaceTB-SmolLM3-3B", "Kimi-K2-Instruct",
        "NVIDIA-Nemotron-Nano-v2", "Qwen-Qwen3-0.6B", "Qwen3.5-4B", "StepFun3.5-Flash",
        "inclusionai-ling-3.0-flash", "llama-cpp-rwkv-world", "meetkai-functionary-medium-v3.1",
        "meta-llama-Llama-3.1-8B-Instruct", "meta-llama-Llama-3.2-3B-Instruct",
        "meta-llama-Llama-3.3-70B-Instruct", "microsoft-Phi-3.5-mini-instruct",
        "mistralai-Mistral-Nemo-Instruct-2407", "openai-gpt-oss-120b", "poolside-Laguna-S-2.1",
        "poolside-Laguna-XS-2.1", "poolside-Laguna-XS.2", "tencent-Hy3", "upstage-Solar-Open-100B",
    ].sorted()

    @Test func answersThatALaterTurnRewritesGetSamplesOfTheirOwn() throws {
        let source = try #require(fixture["generation"]?["rewriting"]?.stringValue)
        let (messages, _) = Self.dialogue(["One?", "<think>Hm.</think>Two.", "Three?", "Four."])
        let dialogues = try template(source).encodeDialogues(messages, with: tokenizer)
        let texts = dialogues.map { dialogue in
            dialogue.turns.map {
                tokenizer.decode($0.prompt, skippingSpecials: false) + "⟦"
                    + tokenizer.decode($0.response, skippingSpecials: false) + "⟧"
            }.joined()
        }
        #expect(
            texts == [
                "<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n<think>⟦Hm.</think>Two."
                    + "<|im_end|>\n⟧",
                "<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\nTwo.<|im_end|>\n"
                    + "<|im_start|>user\nThree?<|im_end|>\n<|im_start|>assistant\n<think>⟦</think>"
                    + "Four.<|im_end|>\n⟧",
            ])
        #expect(dialogues.map(\.numbers) == [[0], [1]])
    }

    @Test func controlStringsOfMessagesStayText() throws {
        let source = """
            {% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n\
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}
            """
        var template = try template(source)
        let messages = [
            Message(.user, "Say <|im_end|> and <|im_start|>x."), Message(.assistant, "<|im_end|>!"),
        ]
        let end = try #require(tokenizer.id(ofSpecial: "<|im_end|>"))
        func ends(_ template: ChatTemplate) throws -> (Int, String) {
            let turns = try template.encodeDialogues(messages, with: tokenizer).flatMap(\.turns)
            let ids = turns.flatMap { $0.prompt + $0.response }
            return (ids.count { $0 == end }, tokenizer.decode(ids, skippingSpecials: false))
        }
        let (count, text) = try ends(template)
        #expect(count == 2)
        #expect(text.contains("Say <|im_end|> and <|im_start|>x.<|im_end|>"))
        template.contentSpecials = .parse
        #expect(try ends(template) == (4, text))
    }

    @Test func callsAndResultsGoToTheTemplate() throws {
        let source = """
            {% if tools %}[{{ tools | map(attribute='function.name') | join(',') }}]{% endif %}\
            {% for m in messages %}{{ m.role }}:{{ m.reasoning_content or '' }}|{{ m.content }}\
            {% for c in m.tool_calls or [] %}<{{ c.function.name }} {{ c.function.arguments | tojson }}>\
            {% endfor %}{% if m.name %}({{ m.name }}){% endif %};{% endfor %}\
            {% if add_generation_prompt %}assistant:{% endif %}
            """
        let call = #"{"name": "f", "arguments": {"x": 1}}"#
        let messages = [
            Message(.user, "U"),
            Message(
                .function,
                "<think>\nT\n</think>\n\nSo <tool_call>\(call)</tool_call>\n<tool_call>\(call)</tool_call>"
            ), Message(results: ["1", "2"]), Message(.assistant, "A"),
        ]
        let tools = #"[{"type": "function", "function": {"name": "f", "parameters": {}}}]"#
        let turns = try template(source).encodeDialogues(
            messages, tools: tools, with: tokenizer
        ).flatMap(\.turns)
        let text = tokenizer.decode(
            turns.flatMap { $0.prompt + $0.response }, skippingSpecials: false)
        #expect(
            text == #"[f]user:|U;assistant:T|So<f {"x": 1}><f {"x": 1}>;"#
                + "tool:|1(f);tool:|2(f);assistant:|A;")
        for none in ["", "[]", " [ ] ", "null"] {
            let empty = try template(source).encodePrompt(
                [Message(.user, "U")], tools: none, with: tokenizer)
            #expect(
                tokenizer.decode(empty, skippingSpecials: false) == "user:|U;assistant:", "\(none)")
        }
    }

    @Test func anAnswerThatDoesNotGoOnIsRefused() throws {
        let source = """
            {% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}\
            {% if add_generation_prompt %}assistant:<think>{% endif %}
            """
        let error = #expect(throws: FledgeError.self) {
            try template(source).encodeDialogues(
                [Message(.user, "U"), Message(.assistant, "A")], with: tokenizer)
        }
        #expect(error?.message.contains("<think>") == true)
        let asked = try template(source).encodePrompt([Message(.user, "U")], with: tokenizer)
        #expect(
            tokenizer.decode(asked, skippingSpecials: false) == "user:U;assistant:<think>")
    }

    @Test func pairsShareTheirQuestion() throws {
        let source = try #require(fixture["generation"]?["rewriting"]?.stringValue)
        let template = try template(source)
        let question = [Message(.user, "One?")]
        let asked = try template.encodePrompt(question, with: tokenizer)
        for answer in ["<think>Hm.</think>Two.", "Three."] {
            let turn = try template.encodeOneturn(
                question + [Message(.assistant, answer)], with: tokenizer)
            #expect(turn.prompt == asked)
            #expect(
                tokenizer.decode(turn.response, skippingSpecials: false).hasSuffix("<|im_end|>\n"))
        }
    }
}

/// The templates that `Scripts/fetch-chat-templates.sh` fetches.
private enum ChatTemplates {
    static let templates =
        ProcessInfo.processInfo.environment["FLEDGE_CHAT_TEMPLATES"]
        ?? Cache.folder + "/chat-templates-0.3.36"
    static let hasTemplates = FileManager.default.fileExists(atPath: templates)
    /// 2026-01-02 03:04:05.678901, as in `Scripts/reference/jinja_environment.py`.
    static let clock = JinjaClock.fixed(secondsSince1970: 1_767_323_045.678901)
}
