internal import FledgeCore
internal import FledgeTokenize

/// What template and tokenizer make of dialogues, as a digest: it tells of both, and stays the same from
/// one version of the program to the next, and from one day to the next.
struct TemplateDigest {
    let value: String

    init(_ text: TextSide) {
        let sample = text.tokenizer.encode("The tokenizer’s words: été 42\n\tend", specials: .text)
        value = ContentDigest.of(
            texts: ["\(sample)", "\(text.stopTokens.sorted())"] + Self.written(by: text))
    }

    private static func written(by text: TextSide) -> [String] {
        let sources = text.ownTemplate?.templates.map { $0.name + "\n" + $0.template.text } ?? []
        // What tells the day writes something else tomorrow, and is the same template.
        let tellsDay = sources.contains { $0.contains("strftime_now") }
        if let model = text.template.model {
            return sources + [model.variables.serialized(.compact), text.template.defaultSystem]
        }
        if text.isDerived, tellsDay { return sources }
        var template = text.template
        template.toolDate = "01 Jan 2025"
        return DialogueShape.all.map { shape in
            // Kinds that the template cannot write are none that a run has.
            let dialogues = try? template.encodeDialogues(
                shape.messages, system: shape.system, tools: shape.tools, with: text.tokenizer)
            let question = try? template.encodePrompt(
                Array(shape.messages.dropLast()), system: shape.system, tools: shape.tools,
                with: text.tokenizer)
            let turns = (dialogues ?? []).flatMap { $0.turns.flatMap { [$0.prompt, $0.response] } }
            return "\(shape.name) \(turns) \(dialogues?.map(\.tail) ?? []) \(question ?? [])"
        }
    }
}
