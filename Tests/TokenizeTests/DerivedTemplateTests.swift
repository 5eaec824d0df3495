import FledgeCore
import FledgeJinja
import FledgeTokenize
import Testing

/// What is read off a model's own template writes what that one does, or is refused.
@Suite struct DerivedTemplateTests {
    private let tokenizer: TextTokenizer

    init() throws { tokenizer = try TinyTokenizer.whole() }

    private static func turns(_ answer: String = "m.content", system: String = "") -> String {
        """
        {%- for m in messages -%}{%- if m.role == 'system' -%}\(system)\
        {%- elif m.role == 'assistant' -%}{{ '<|im_start|>assistant\\n' + \(answer) + '<|im_end|>\\n' }}\
        {%- else -%}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endif -%}\
        {%- endfor -%}
        """
    }

    private static let asks =
        "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}"
    private static let system = "{{ '<|im_start|>system\\n' + m.content + '<|im_end|>\\n' }}"
    /// Takes the system text out of the messages.
    private static let opened = """
        {%- set system = messages[0].content if messages[0].role == 'system' else DEFAULT -%}\
        {%- set messages = messages[1:] if messages[0].role == 'system' else messages -%}
        """

    private static func opened(_ text: String) -> String {
        opened.replacing("DEFAULT", with: "'" + text + "'")
    }

    /// Templates of which slots can say everything.
    private static let readable: [(name: String, source: String)] = [
        ("plain", turns(system: system) + asks),
        ("a token that is written once", "<|endoftext|>" + turns(system: system) + asks),
        ("a token of the file", "{{ bos_token }}" + turns(system: system) + asks),
        (
            "a header without a system text",
            opened("") + "{{ '<|im_start|>system\\nCutoff: 2024\\n' + system + '<|im_end|>\\n' }}"
                + turns() + asks
        ),
        (
            "a header and a system text of its own",
            opened("Be good.") + "{{ 'Now.<|im_start|>system\\n' + system + '<|im_end|>\\n' }}"
                + turns() + asks
        ),
        (
            "a system text like the question",
            opened("{{content}} of user") + "{{ '<|im_start|>user\\n' + system + '<|im_end|>\\n' }}"
                + turns() + asks
        ),
        ("no system texts", turns() + asks),
        (
            "refused system texts",
            "{% if messages[0].role == 'system' %}{{ raise_exception('No.') }}{% endif %}" + turns()
                + asks
        ),
        (
            "a system text inside of the question",
            opened("") + """
                {%- for m in messages -%}{%- if m.role == 'user' -%}{{ '<|im_start|>' + \
                (system + '\\n\\n' if system and loop.first else '') + m.content + '<|im_end|>' }}\
                {%- else -%}{{ m.content + '<|endoftext|>' }}{%- endif -%}{%- endfor -%}
                """
        ),
        (
            "trimmed messages",
            turns("(m.content | trim)", system: system).replacing(
                "m.role + '\\n' + m.content", with: "m.role + '\\n' + (m.content | trim)") + asks
        ),
        ("trimmed answers", turns("m.content.strip()", system: system) + asks),
        ("words before every answer", turns("'Well: ' + m.content", system: system) + asks),
        (
            "a thought in every answer",
            turns("'<think></think>' + m.content", system: system) + asks
        ),
    ]

    @Test(arguments: readable) func slotsWriteWhatTheOwnOneDoes(
        name: String, source: String
    ) throws {
        let own = ModelChatTemplate(
            try JinjaTemplate(parsing: source), specialTokens: ["bos_token": "<|endoftext|>"])
        let template = try ChatTemplate(deriving: "own", from: own)
        let shapes = DialogueShape.all.filter { $0.tools.isEmpty && $0.thinking == nil }
        for outcome in try TemplateAgreement(template, tokenizer, own: own).outcomes(over: shapes) {
            if case .differs(let differences) = outcome.result {
                Issue.record("\(name), \(outcome.shape): \(differences)")
            }
        }
    }

    /// Templates that slots cannot say, or not wholly.
    private static let unreadable: [(name: String, source: String)] = [
        (
            "a prompt that opens the thought",
            turns("'<think></think>' + m.content", system: system)
                + "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n<think>\\n' }}{%- endif -%}"
        ),
        ("messages that are not there", "nothing of them"),
        ("a message twice", turns("m.content + m.content") + asks),
        ("other letters", turns("m.content | upper") + asks),
    ]

    @Test(arguments: unreadable) func whatSlotsCannotSayIsRefused(
        name: String, source: String
    ) throws {
        let own = ModelChatTemplate(try JinjaTemplate(parsing: source))
        let error = #expect(throws: FledgeError.self) {
            try ChatTemplate(deriving: "own", from: own)
        }
        #expect(error?.advice.contains("template: model") == true, "\(name)")
    }

    /// Templates of which only some kinds of dialogues can be written by slots.
    private static let partly: [(name: String, source: String, shape: String)] = [
        (
            "an empty thought in the last answer alone",
            turns(
                "('<think>\\n\\n</think>\\n\\n' if loop.last else '') + m.content", system: system)
                + asks, "two turns"
        ),
        (
            "an end of the whole text",
            turns(system: system)
                + "{%- if add_generation_prompt -%}<|im_start|>assistant\n"
                + "{%- else -%}<|endoftext|>{%- endif -%}",
            "two turns"
        ),
        (
            "a number in every question",
            turns(system: system).replacing(
                "m.role + '\\n'", with: "m.role + ' ' + loop.index | string + '\\n'") + asks,
            "two turns"
        ),
        (
            "white space of another kind",
            turns("m.content.lstrip()", system: system) + asks, "white space around messages"
        ),
    ]

    @Test(arguments: partly) func whatDiffersIsFound(
        name: String, source: String, shape: String
    ) throws {
        let own = ModelChatTemplate(try JinjaTemplate(parsing: source))
        let template = try ChatTemplate(deriving: "own", from: own)
        let outcomes = try TemplateAgreement(template, tokenizer, own: own).outcomes()
        let wrong = outcomes.compactMap { outcome -> String? in
            if case .differs = outcome.result { outcome.shape } else { nil }
        }
        #expect(wrong.contains(shape), "\(name): \(wrong)")
    }
}
