import FledgeCore

extension ChatTemplate {
    /// What a template had to change about a tokenizer.
    public struct Preparation: Hashable, Sendable {
        /// Tokens that the vocabulary lacked; the model's embedding needs rows for them.
        public var addedTokens: [String] = []
        /// The end token before and after, when it was replaced.
        public var replacedEnd: (from: String?, to: String)? {
            replacedEndToken.map { (previousEnd, $0) }
        }
        /// Whether the padding token is the end token, for want of one.
        public var padsWithEnd = false
        var replacedEndToken: String?
        var previousEnd: String?
    }

    /// Gives a tokenizer the end, padding and stop tokens that the template needs, and its chat
    /// template in Jinja where it has none or the template replaces it.
    public func prepare(_ tokenizer: inout TextTokenizer) throws -> Preparation {
        var result = Preparation()
        var words = stopWords
        func setEnd(_ word: String, _ tokenizer: inout TextTokenizer) {
            let old = tokenizer.endOfText.flatMap(tokenizer.written)
            guard old != word else { return }
            if tokenizer.addSpecial(word) { result.addedTokens.append(word) }
            tokenizer.endOfText = tokenizer.id(ofSpecial: word)
            (result.previousEnd, result.replacedEndToken) = (old, word)
        }
        if replacesEnd {
            guard !words.isEmpty else {
                throw FledgeError(
                    .configuration, "Stop words are required to replace the end token.")
            }
            setEnd(words.removeFirst(), &tokenizer)
        }
        if tokenizer.endOfText == nil { setEnd("<|endoftext|>", &tokenizer) }
        if tokenizer.padding == nil {
            tokenizer.padding = tokenizer.endOfText
            result.padsWithEnd = true
        }
        if !words.isEmpty {
            for word in words where tokenizer.addSpecial(word) { result.addedTokens.append(word) }
            tokenizer.extraSpecials = words
        }
        if tokenizer.chatTemplate == nil || replacesJinja {
            // A template with single tokens cannot be written in Jinja; then none is made.
            tokenizer.chatTemplate = jinja(for: tokenizer) ?? tokenizer.chatTemplate
        }
        return result
    }

    /// The template in the Jinja language; `nil` when it has slots that cannot be written so.
    public func jinja(for tokenizer: TextTokenizer) -> String? {
        guard let prefix = expression(prefix, tokenizer), let user = expression(user, tokenizer),
            let system = expression(system, tokenizer, placeholder: "system_message"),
            let assistant = expression(assistant, tokenizer)
        else { return nil }
        let fused = family == .llama2
        var text = prefix.isEmpty ? "" : "{{ \(prefix) }}"
        if !defaultSystem.isEmpty {
            text += "{% set system_message = \(ChatTemplate.literal(defaultSystem)) %}"
        }
        text += "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
        text += "{% set system_message = messages[0]['content'] %}"
        text += "{% else %}{% set loop_messages = messages %}{% endif %}"
        if !fused { text += "{% if system_message is defined %}{{ \(system) }}{% endif %}" }
        text += "{% for message in loop_messages %}"
        if fused {
            text += "{% if loop.index0 == 0 and system_message is defined %}"
            text += "{% set content = \(system) + message['content'] %}"
            text += "{% else %}{% set content = message['content'] %}{% endif %}"
        } else {
            text += "{% set content = message['content'] %}"
        }
        text += "{% if message['role'] == 'user' %}{{ \(user) }}"
        text += "{% elif message['role'] == 'assistant' %}{{ \(assistant) }}{% endif %}"
        return text + "{% endfor %}"
    }

    private func expression(
        _ slots: [Slot], _ tokenizer: TextTokenizer, placeholder: String = "content"
    ) -> String? {
        var items = [String]()
        for slot in slots {
            switch slot {
            case .token: return nil
            case .beginOfText:
                if let token = tokenizer.beginOfText.flatMap(tokenizer.written) {
                    items.append("'\(token)'")
                }
            case .endOfText:
                if let token = tokenizer.endOfText.flatMap(tokenizer.written) {
                    items.append("'\(token)'")
                }
            case .text(let text):
                let parts = text.split(at: "{{content}}")
                for part in [parts?.before ?? text, nil, parts?.after ?? ""] {
                    if let part {
                        if !part.isEmpty { items.append(ChatTemplate.literal(part)) }
                    } else if parts != nil {
                        items.append(placeholder)
                    }
                }
            }
        }
        return items.joined(separator: " + ")
    }

    private static func literal(_ text: String) -> String {
        "'" + text.replacing("'", by: "\\'") + "'"
    }
}
