import FledgeCore
import FledgeJinja

/// A mark that is put inside of control strings that a dialogue holds, so that they stay text.
struct ControlBreaks<Tokens: Tokenizer> {
    /// A character that neither the dialogue nor the template has.
    let mark: String
    private let tokenizer: Tokens

    /// Looks for control strings; nil where a dialogue has none.
    ///
    /// - Throws: ``FledgeError`` where it holds every character that could be a mark.
    init?(
        _ rendering: ModelRendering, _ items: [JSONValue], _ tools: JSONValue, _ tokenizer: Tokens
    ) throws {
        var texts = [String]()
        for value in items + [tools] { value.collect(&texts) }
        guard texts.contains(where: tokenizer.containsSpecial) else { return nil }
        let templates = rendering.own.templates.map(\.template.text)
        guard let mark = Self.mark(notIn: texts, templates: templates) else {
            throw FledgeError(
                .data,
                "The row holds control strings, and every character of private use (U+E000 to "
                    + "U+F8FF), of which one is needed to keep them text.",
                advice: "Take the control strings out.")
        }
        (self.mark, self.tokenizer) = (mark, tokenizer)
    }

    /// A character of private use that none of some texts holds, where there is one.
    private static func mark(notIn texts: [String], templates: [String]) -> String? {
        let privateUse: ClosedRange<UInt32> = 0xE000...0xF8FF
        var held = Set<UInt32>()
        for text in texts + templates {
            for scalar in text.unicodeScalars where privateUse.contains(scalar.value) {
                held.insert(scalar.value)
            }
        }
        // Templates may also write a character by its number.
        let numbered = templates.filter { $0.holds("\\u") }.map { $0.lowercased() }
        return privateUse.first { value in
            !held.contains(value) && !numbered.contains { $0.holds(String(value, radix: 16)) }
        }.flatMap(Unicode.Scalar.init).map { String($0) }
    }

    /// A message with a mark inside of every control string of it.
    func message(_ item: JSONValue) -> JSONValue {
        let isAnswer = item["role"]?.stringValue == "assistant"
        return .object(
            (item.members ?? []).map { member in
                member.key == "role"
                    ? member : .init(member.key, broken(member.value, isAnswer: isAnswer))
            })
    }

    /// A value with a mark inside of every control string of it, but for the words around thoughts of
    /// answers, which templates look for.
    func broken(_ value: JSONValue, isAnswer: Bool = false) -> JSONValue {
        switch value {
        case .string(let text): return .string(broken(text, isAnswer))
        case .array(let items): return .array(items.map { broken($0, isAnswer: isAnswer) })
        case .object(let members):
            return .object(
                members.map {
                    .init(broken($0.key, isAnswer), broken($0.value, isAnswer: isAnswer))
                })
        default: return value
        }
    }

    private func broken(_ text: String, _ isAnswer: Bool) -> String {
        guard tokenizer.containsSpecial(text) else { return text }
        var text = text
        let controls = Set(tokenizer.encode(text, specials: .parse).filter(tokenizer.isSpecial))
        for id in controls.sorted() {
            let word = tokenizer.decode([id], skippingSpecials: false)
            guard word.unicodeScalars.count > 1, !isAnswer || !word.holds("think>") else {
                continue
            }
            let first = String(word.unicodeScalars.prefix(1))
            text = text.replacing(
                word, by: first + mark + String(word.unicodeScalars.dropFirst()))
        }
        return text
    }
}

extension JSONValue {
    /// Adds all texts of a value, names of members included.
    fileprivate func collect(_ texts: inout [String]) {
        switch self {
        case .string(let text): texts.append(text)
        case .array(let items): for item in items { item.collect(&texts) }
        case .object(let members):
            for member in members {
                texts.append(member.key)
                member.value.collect(&texts)
            }
        default: break
        }
    }
}
