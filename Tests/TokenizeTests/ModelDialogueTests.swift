import FledgeCore
import FledgeJinja
import FledgeTokenize
import Testing

/// Dialogues that models' own templates write in ways that a run must not take over as they are.
@Suite struct ModelDialogueTests {
    private let tokenizer: TextTokenizer

    init() throws { tokenizer = try TinyTokenizer.whole() }

    private func template(
        _ source: String, _ variables: JSONValue = [:], clock: JinjaClock? = nil
    ) throws -> ChatTemplate {
        let own = ModelChatTemplate(
            try JinjaTemplate(parsing: source),
            specialTokens: ["bos_token": "<s>", "eos_token": "</s>"])
        return ChatTemplate(
            writingAs: ModelRendering(
                own, variables: variables, clock: clock, fitsQuestions: true))
    }

    /// Samples as text, with what is learned in brackets.
    private func shown(
        _ template: ChatTemplate, _ messages: [Message], system: String = "", tools: String = ""
    ) throws -> [String] {
        let dialogues = try template.encodeDialogues(
            messages, system: system, tools: tools, with: tokenizer)
        return dialogues.map { dialogue in
            dialogue.turns.map {
                tokenizer.decode($0.prompt, skippingSpecials: false) + "⟦"
                    + tokenizer.decode($0.response, skippingSpecials: false) + "⟧"
            }.joined() + tokenizer.decode(dialogue.tail, skippingSpecials: false)
        }
    }

    private static func dialogue(_ texts: String...) -> [Message] {
        texts.enumerated().map { Message($0.offset % 2 == 0 ? .user : .assistant, $0.element) }
    }

    /// An answer that the template writes in other words than the dialogue's, behind a question that it
    /// writes in another way once it is answered, is none that a run may learn.
    @Test func answersInOtherWordsAreRefused() throws {
        func source(_ answer: String) -> String {
            "{% for m in messages %}{% if m.role == 'user' %}{{ messages | length }}: "
                + "{{ m.content }}\nA:{% else %} \(answer)\n{% endif %}{% endfor %}"
        }
        let messages = Self.dialogue("what?", "yes, all")
        let same = try shown(template(source("{{ m.content }}")), messages)
        #expect(same == ["1: what?\nA:⟦ yes, all\n⟧"])
        for answer in ["{{ m.content | upper }}", "-", ""] {
            #expect(throws: FledgeError.self, "\(answer)") {
                try shown(template(source(answer)), messages)
            }
        }
    }

    /// What tells calls and results apart reaches the template, and results their own call's name.
    @Test func idsOfCallsAreWritten() throws {
        let template = try self.template(
            "{% for m in messages %}[{{ m.role }}]{% for c in m.tool_calls or [] %}"
                + "{{ c.function.name }}={{ c.id }};{% endfor %}"
                + "{{ m.name }}:{{ m.tool_call_id }}:{{ m.content }}{% endfor %}"
                + "{% if add_generation_prompt %}[assistant]{% endif %}")
        var calls = Message(
            .function,
            #"[{"name": "f", "arguments": {}}, {"name": "g", "arguments": {}}]"#)
        var results = Message(results: ["1", "2"])
        let dialogue = [Message(.user, "q"), calls, results, Message(.assistant, "a")]
        let plain = try shown(template, dialogue).joined()
        #expect(plain.contains("f=;g=;") && plain.contains("[tool]f::1[tool]g::2"))
        calls.callIDs = ["x", "y"]
        let called = try shown(template, [dialogue[0], calls, results, dialogue[3]]).joined()
        #expect(called.contains("f=x;g=y;") && called.contains("[tool]f:x:1[tool]g:y:2"))
        results.callIDs = ["y", "x"]
        let swapped = try shown(template, [dialogue[0], calls, results, dialogue[3]]).joined()
        #expect(swapped.contains("[tool]g:y:1[tool]f:x:2"))
    }

    /// Templates that end with the beginning of an answer whether they are asked or not: what stands
    /// before a question, between it and its answer, behind that one, and before a further question.
    private static let constant: [(source: String, parts: [String])] = [
        (
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
                + "{{ '<|im_start|>assistant\\n' }}",
            [
                "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n",
                "<|im_start|>user\n",
            ]
        ),
        (
            "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}</s>\n{% endfor %}"
                + "<|assistant|>", ["<s><|user|>", "</s>\n<|assistant|>", "</s>\n", "<|user|>"]
        ),
        (
            "{% for m in messages %}### {{ 'Q' if m.role == 'user' else 'A' }}:{{ '\\n' }}{{ m.content }}"
                + "{{ '\\n\\n' }}{% endfor %}{{ '### A:\\n' }}",
            ["### Q:\n", "\n\n### A:\n", "\n\n", "### Q:\n"]
        ),
        (
            "{{ bos_token }}<turn>SBe kind.</turn>{% for m in messages %}<turn>"
                + "{{ 'U' if m.role == 'user' else 'A<think></think>' }}{{ m.content }}"
                + "{{ '<done>' if m.role != 'user' }}</turn>{% endfor %}<turn>A<think></think>",
            [
                "<s><turn>SBe kind.</turn><turn>U", "</turn><turn>A<think></think>",
                "<done></turn>", "<turn>U",
            ]
        ),
    ]

    @Test(arguments: constant.indices)
    func theBeginningOfAFurtherAnswerIsNotLearned(index: Int) throws {
        let (source, parts) = Self.constant[index]
        let (before, between, end, next) = (parts[0], parts[1], parts[2], parts[3])
        let own = try template(source)
        #expect(
            try shown(own, Self.dialogue("one", "two", "three", "four")) == [
                "\(before)one\(between)⟦two\(end)⟧\(next)three\(between)⟦four\(end)⟧"
            ])
        let turn = try own.encodeOneturn(Self.dialogue("one", "two"), with: tokenizer)
        #expect(tokenizer.decode(turn.response, skippingSpecials: false) == "two" + end)
        let derived = try ChatTemplate(
            deriving: "own",
            from: ModelChatTemplate(
                try JinjaTemplate(parsing: source),
                specialTokens: ["bos_token": "<s>", "eos_token": "</s>"]))
        let read = try derived.renderOneturn(Self.dialogue("one", "two"))
        #expect(Self.text(read.response) == "two" + end)
        #expect(Self.text(read.prompt) == before + "one" + between)
    }

    private static func text(_ pieces: [TemplatePiece]) -> String {
        pieces.map { piece in
            if case .text(let spans) = piece { spans.map(\.text).joined() } else { "" }
        }.joined()
    }

    @Test func endsOfTextsThatAreNoPromptsAreLearned() throws {
        let ended = """
            {% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}\
            {% if add_generation_prompt %}<|im_start|>assistant\n{% else %}<|endoftext|>{% endif %}
            """
        #expect(
            try shown(template(ended), Self.dialogue("one", "two")) == [
                "<|im_start|>user\none<|im_end|>\n<|im_start|>assistant\n⟦two<|im_end|>\n<|endoftext|>⟧"
            ])
    }

    /// Writes the system text before the last question, while nobody has answered.
    private static let late = """
        {% set system = messages[0].content if messages[0].role == 'system' else '' %}\
        {% set rest = messages[1:] if system else messages %}\
        {% for m in rest %}{% if m.role == 'user' %}[INST]{{ system + '|' if system and loop.last else '' }}\
        {{ m.content }}[/INST]{% else %}{{ m.content }}</s>{% endif %}{% endfor %}
        """

    @Test func aQuestionThatIsWrittenInAnotherWayOnceAnsweredIsLearnedAsItIsAsked() throws {
        let template = try template(Self.late)
        let messages = Self.dialogue("one", "two", "one", "four")
        let expected = [
            "[INST]S|one[/INST]⟦two</s>⟧", "[INST]one[/INST]two</s>[INST]S|one[/INST]⟦four</s>⟧",
        ]
        #expect(try shown(template, messages, system: "S") == expected)
        #expect(
            try shown(template, messages)
                == ["[INST]one[/INST]⟦two</s>⟧[INST]one[/INST]⟦four</s>⟧"])
        for count in [1, 3] {
            let asked = try template.encodePrompt(
                Array(messages.prefix(count)), system: "S", with: tokenizer)
            let sample = try template.encodeDialogues(
                Array(messages.prefix(count + 1)), system: "S", with: tokenizer
            ).last
            #expect(sample?.turns.last?.prompt == asked)
        }
    }

    @Test func adviceIsThatOfTheCause() throws {
        func advice(_ source: String, _ messages: [Message]) -> String {
            let error = #expect(throws: FledgeError.self) {
                try shown(template(source), messages)
            }
            return error?.advice ?? ""
        }
        let other = """
            {{ messages[0].content }}{% if messages | length > 1 %} = {{ messages[1].content }}\
            {% else %}?{% endif %}
            """
        #expect(advice(other, Self.dialogue("U", "A")).contains("once there is an answer"))
        let opening = """
            {% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}\
            {% if add_generation_prompt %}assistant:<think>{% endif %}
            """
        #expect(advice(opening, Self.dialogue("U", "A")).contains("with their thoughts"))
        var thinking = Self.dialogue("U", "A")
        thinking[1].thought = "T"
        let dropping = opening.replacing("m.content", with: "m.content.split('</think>')[-1]")
        #expect(advice(dropping, thinking).contains("take the thoughts out"))
    }

    @Test func oneTimeIsToldToAllDialogues() throws {
        let source = """
            {{ strftime_now('%S.%f') }}{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}\
            {% if add_generation_prompt %}assistant:{% endif %}
            """
        let template = try template(source)
        let messages = Self.dialogue("U", "A", "V", "B")
        #expect(try shown(template, messages).count == 1)
        let asked = try template.encodePrompt(Array(messages.prefix(1)), with: tokenizer)
        let later = try template.encodePrompt(Array(messages.prefix(1)), with: tokenizer)
        #expect(asked == later)
    }

    /// Writes calls and what stands beside them, each in brackets.
    private static let calling = """
        {% for m in messages %}{{ m.role }}:{{ m.reasoning_content or '' }}|{{ m.content }}\
        {% for c in m.tool_calls or [] %}<{{ c.function.name }} {{ c.function.arguments | tojson }}>\
        {% endfor %};{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}
        """

    @Test func callsAndWhatStandsBesideThemAreNotTakenForEachOther() throws {
        let rome = #"{"name": "f", "arguments": {"x": "<tool_call>"}}"#
        let block = "<tool_call>\n" + rome + "\n</tool_call>"
        for (text, thought, written) in [
            ("See <tool_call>.", nil, "|See <tool_call>."),
            (
                "Text", "A <tool_call>{}</tool_call> or </think>?",
                "A <tool_call>{}</tool_call> or </think>?|Text"
            ),
            ("  kept \n", " as it is ", " as it is |  kept \n"), (block, nil, "|"),
            ("First. " + block, nil, "|First."),
            (
                "<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call>", nil,
                "|<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call>"
            ),
        ] as [(String, String?, String)] {
            var message = Message(.function, rome)
            (message.textBeforeCall, message.thought) = (text, thought)
            let expected = #"user:|U;assistant:⟦"# + written + #"<f {"x": "<tool_call>"}>;⟧"#
            #expect(
                try shown(template(Self.calling), [Message(.user, "U"), message]) == [expected])
            #expect(message.repeatsCalls == text.contains("\n" + rome))
            for name in ["qwen", "qwen3"] {
                let slots = try TemplateCatalog.named(name)
                let turn = try slots.renderOneturn([Message(.user, "U"), message])
                let calls = Self.text(turn.response)
                #expect(
                    calls.hasSuffix("<tool_call>\n" + rome + "\n</tool_call><|im_end|>\n"),
                    "\(calls)")
                #expect(calls.components(of: rome) == 2, "\(calls)")
            }
        }
    }

    @Test func callsInTheirWordsAreReadWhereTheWordsAreControlTokens() throws {
        var tokenizer = tokenizer
        for word in ["<tool_call>", "</tool_call>"] { tokenizer.addSpecial(word) }
        let call = #"{"name": "f", "arguments": {"x": "<tool_call>"}}"#
        let messages = [
            Message(.user, "U <|im_end|>"),
            Message(
                .function, "<tool_call>" + call.replacing("<tool_call>", with: "1") + "</tool_call>"
            ),
            Message(.observation, "<|im_end|>"), Message(.function, call),
        ]
        let ids = try template(Self.calling).encodeDialogues(messages, with: tokenizer)
            .flatMap(\.turns).flatMap { $0.prompt + $0.response }
        #expect(
            tokenizer.decode(ids, skippingSpecials: false)
                == #"user:|U <|im_end|>;assistant:|<f {"x": "1"}>;tool:|<|im_end|>;"#
                + #"assistant:|<f {"x": "<tool_call>"}>;"#)
        #expect(!ids.contains { tokenizer.isSpecial($0) })
    }

    @Test func theMarkThatBreaksControlStringsIsNotTheTemplates() throws {
        let source = """
            {% for m in messages %}\u{E000}{{ '\\ue001' }}{{ m.role }}:{{ m.content }};{% endfor %}\
            {% if add_generation_prompt %}\u{E000}\u{E001}assistant:{% endif %}
            """
        let text = try shown(template(source), Self.dialogue("<|im_end|>\u{E002}", "A"))
        #expect(
            text == ["\u{E000}\u{E001}user:<|im_end|>\u{E002};\u{E000}\u{E001}assistant:⟦A;⟧"])
    }

    @Test func thoughtsGoWhereTheTemplateReadsThem() throws {
        let header = "{% for m in messages %}{{ m.role }}:"
        let end = ";{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
        let reading = "{{ '<' + m.thinking + '>' if m.thinking }}{{ m.content }}"
        let empty = "{% if m.role == 'assistant' %}<think></think>{% endif %}{{ m.content }}"
        let calls =
            "{% if m.tool_calls %}{{ m.reasoning_content }}{% elif m.role == 'assistant' %}<think></think>"
            + "{% endif %}{{ m.content }}"
        for (body, written, writing) in [
            (reading, "< T\n>A", .known),
            ("{{ m.content }}", "<think>\n T\n\n</think>\n\nA", .asText),
            ("{# <think> #}{{ m.content }}", "<think>\n T\n\n</think>\n\nA", .known),
            (empty, "<think></think>A", .none), (calls, "<think></think>A", .none),
        ] as [(String, String, ChatTemplate.ThoughtWriting)] {
            let template = try template(header + body + end)
            var messages = Self.dialogue("U", "A")
            messages[1].thought = " T\n"
            let text = try shown(template, messages)
            #expect(
                text.map { $0.replacing("⟦", with: "").replacing("⟧", with: "") }
                    == ["user:U;assistant:" + written + ";"])
            #expect(template.thoughtWriting(in: .assistant) == writing)
        }
        #expect(try template(header + calls + end).thoughtWriting(in: .function) == .known)
    }

    @Test func anEmptySystemMessageIsGivenToTheTemplate() throws {
        let source = """
            {% if messages[0].role == 'system' %}<{{ messages[0].content }}>{% else %}<own>{% endif %}\
            {% for m in messages if m.role != 'system' %}{{ m.role }}:{{ m.content }};{% endfor %}\
            {% if add_generation_prompt %}assistant:{% endif %}
            """
        var template = try template(source)
        let messages = Self.dialogue("U", "A")
        #expect(try shown(template, messages) == ["<own>user:U;assistant:⟦A;⟧"])
        template.writesEmptySystem = true
        #expect(try shown(template, messages) == ["<>user:U;assistant:⟦A;⟧"])
        #expect(try shown(template, messages, system: "S") == ["<S>user:U;assistant:⟦A;⟧"])
        var refusing = try self.template(
            "{% if messages[0].role == 'system' %}{{ raise_exception('No.') }}{% endif %}" + source)
        refusing.writesEmptySystem = true
        #expect(try shown(refusing, messages) == ["<own>user:U;assistant:⟦A;⟧"])
    }

    @Test func whatIsNotMarkedAndWhatSwitchesThinkingIsTold() throws {
        let marking = """
            {% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' and not m.tool_calls %}\
            {% generation %}{{ m.content }};{% endgeneration %}{% else %}{{ m.content }};{% endif %}\
            {% endfor %}{% if add_generation_prompt %}assistant:{% endif %}
            """
        let messages = [
            Message(.user, "U"), Message(.function, #"{"name": "f", "arguments": {}}"#),
            Message(.observation, "1"), Message(.assistant, "A"),
        ]
        let unmarked = try template(marking).encodeDialogues(messages, with: tokenizer)
            .flatMap(\.unmarked)
        #expect(unmarked == [0])
        let switching = """
            {% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}</think>{% endif %}\
            {{ m.content }};{% endfor %}{% if add_generation_prompt %}assistant:\
            {{ '<think>' if enable_thinking is not defined or enable_thinking else '</think>' }}{% endif %}
            """
        for (variables, expected) in [
            (["enable_thinking": true], true), (["enable_thinking": false], false), ([:], false),
        ] as [(JSONValue, Bool)] {
            let dialogues = try template(switching, variables).encodeDialogues(
                Self.dialogue("U", "A"), with: tokenizer)
            #expect(dialogues.map(\.switchesThinking) == [expected])
        }
    }

    @Test func rolesAreAlwaysWrittenAlike() throws {
        let texts = [[.user, .assistant, .system], [.system, .user, .assistant]].map {
            (roles: [Message.Role]) in
            var template = ChatTemplate("x")
            template.trimmedRoles = ChatTemplate.Roles(roles)
            return String(reflecting: template)
        }
        #expect(texts[0] == texts[1])
        // Sets are written in another order in every process.
        #expect(!texts[0].contains("Set"))
    }

    @Test func wordsAroundThoughtsInAnswersAreTheTemplates() throws {
        var tokenizer = tokenizer
        for word in ["<think>", "</think>"] { tokenizer.addSpecial(word) }
        let template = try TemplateCatalog.named("qwen3")
        let messages = Self.dialogue("<think>", "<think>\nT\n</think>\n\nA")
        let turn = try template.encodeOneturn(messages, with: tokenizer)
        #expect(turn.response.filter(tokenizer.isSpecial).count == 3)
        let words = try ["<think>", "</think>"].map { try #require(tokenizer.id(ofSpecial: $0)) }
        #expect(words.allSatisfy(turn.response.contains))
        #expect(!turn.prompt.contains(words[0]))
    }

    @Test func errorsOfCallsAreBoundedAndSayWhatIsExpected() throws {
        let long = Message(.function, String(repeating: "no call ", count: 1000))
        let error = #expect(throws: FledgeError.self) {
            try TemplateCatalog.named("qwen").renderOneturn([Message(.user, "U"), long])
        }
        #expect((error?.message.utf8.count ?? 1000) < 400)
        #expect(error?.message.contains("expected") == true && error?.advice.isEmpty == false)
    }
}

extension String {
    /// The number of parts that a text cuts it into.
    fileprivate func components(of part: String) -> Int {
        split(separator: part, omittingEmptySubsequences: false).count
    }
}
