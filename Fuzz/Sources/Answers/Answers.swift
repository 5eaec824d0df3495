import FledgeCore
import FledgeTokenize
import FuzzSupport

/// Any text as the answer of a model that has tools: it is taken apart, and what comes out can be
/// written into the dialogue again.
@main struct Answers: FuzzTarget {
    private let templates: [ChatTemplate]

    init() {
        // A template of each format, and two that open thoughts by themselves.
        let names = ["qwen3", "mistral"]
        templates =
            ToolFormat.known.compactMap { name in
                var template = try? TemplateCatalog.named("chatml")
                if let format = try? ToolFormat.named(name) { template?.setToolFormat(format) }
                return template
            } + names.compactMap { try? TemplateCatalog.named($0) }
        demand(templates.count == ToolFormat.known.count + names.count, "templates are missing")
    }

    func run(_ input: UnsafeRawBufferPointer) {
        guard let first = input.first else { return }
        let template = templates[Int(first) % templates.count]
        let text = String(decoding: input.dropFirst(), as: UTF8.self)
        do {
            let answer = try template.parse(answer: text)
            let size = answer.text.utf8.count + (answer.thought?.utf8.count ?? 0)
            demand(size <= text.utf8.count, "more text than there was")
            if answer.calls.isEmpty {
                demand(answer.thought != nil || answer.text == text, "a plain answer was changed")
            }
            _ = try template.render([Message(.user, "?"), template.message(answer)])
        } catch let error as FledgeError {
            demand(!error.message.isEmpty, "an error without a message")
        } catch { fatalError("\(error) is no error of our own") }
    }

    func writeSeeds(_ folder: SeedFolder) {
        let fixture = Fixtures.json("TokenizeTests", "tool_calls.json")
        for (format, entry) in (fixture.members ?? []).enumerated() {
            for (index, item) in (entry.value["texts"]?.arrayValue ?? []).enumerated() {
                let text = item["text"]?.stringValue ?? ""
                folder.write([UInt8(format)] + Array(text.utf8), "\(entry.key)-\(index)")
            }
        }
    }
}
