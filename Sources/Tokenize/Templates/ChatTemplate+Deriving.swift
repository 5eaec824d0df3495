public import FledgeCore
internal import FledgeJinja
import FledgeJinja

extension FledgeError.Code {
    /// A template that does not write what the one writes that it was read off.
    public static let templateDiffers: FledgeError.Code = "template.differs"
}

extension ChatTemplate {
    /// Reads the slots of a template off what a model's own one writes.
    ///
    /// Messages hold texts that occur nowhere else, and the slots are what stands between them. What
    /// slots cannot say (thoughts that vanish from history, tools) is not seen: ``TemplateAgreement``
    /// shows whether the two write the same.
    ///
    /// The beginning of an answer that the original always ends with is not learned.
    ///
    /// - Throws: ``FledgeError`` when the original refuses a plain question and its answer, or does not
    ///   write them in slots.
    public init(deriving name: String, from own: ModelChatTemplate) throws {
        let text = SlotReader(own)
        let question = Self.questionMark
        let asked = try text.parts([("user", question[0])], asking: true, question)
        let answered = try text.parts(
            [("user", question[0]), ("assistant", question[1])], asking: false, question)
        let dialogue = [
            ("user", question[0]), ("assistant", question[1]), ("user", question[2]),
        ]
        let longer = try text.parts(dialogue, asking: true, question)
        guard asked.count == 2, answered.count == 3, longer.count == 4 else {
            throw SlotReader.unreadable("it does not write every message once, as it is")
        }
        let (head, opening) = (asked[0], asked[1])
        let constant = ConstantPrompt(own, [:]).bytes
        let end =
            answered[2].ends(with: constant)
            ? answered[2].dropLast(constant.count) : answered[2][...]
        guard answered[0] == head, answered[1].starts(with: opening) else {
            throw SlotReader.unreadable(
                "it asks with \(SlotReader.shown(opening)) after a question, and writes "
                    + "\(SlotReader.shown(answered[1])) between a question and its answer")
        }
        // What every question begins with stands behind an answer, and at the end of what stands
        // before the first question.
        var userOpening = longer[2].starts(with: end) ? Array(longer[2].dropFirst(end.count)) : []
        if !longer[2].starts(with: end) || !head.ends(with: userOpening) {
            userOpening = head.commonEnd(longer[2])
        }
        let before = Array(head.dropLast(userOpening.count))
        self.init(
            name, prefix: SlotReader.slots(before),
            user: [.text(SlotReader.text(userOpening + Self.content + opening))],
            assistant: [.text(SlotReader.text(Self.content + end))])
        readSystem(try? text.systemParts(), before, userOpening)
        readThought(
            Array(answered[1].dropFirst(opening.count)), isKept: longer[1] == answered[1])
        trimmedRoles = text.trimmedRoles()
    }

    private static let content = Array("{{content}}".utf8)
    private static let questionMark = ["qzonezq", "qztwozq", "qzthreezq"]

    /// Reads the system slot off what stands before and behind a system text.
    ///
    /// - Parameters:
    ///   - parts: Before the system text, between it and a question, and behind; nil where the
    ///     original knows none.
    ///   - before: What stands before the first question without a system text.
    private mutating func readSystem(
        _ parts: [[UInt8]]?, _ before: [UInt8], _ userOpening: [UInt8]
    ) {
        guard let parts, parts.count == 3 else { return }
        let (opening, behind) = (parts[0], parts[1])
        if behind.ends(with: userOpening) {
            let closing = behind.dropLast(userOpening.count)
            if opening.starts(with: before) {
                let own = opening.dropFirst(before.count)
                system = [.text(SlotReader.text(own + Self.content + closing))]
            } else if before.starts(with: opening),
                before.dropFirst(opening.count).ends(with: closing)
            {
                // There is a system text when the dialogue has none: the original's own, or its frame.
                let own = before.dropFirst(opening.count).dropLast(closing.count)
                prefix = []
                system = [.text(SlotReader.text(opening + Self.content + closing))]
                defaultSystem = SlotReader.text(own)
                alwaysWritesSystem = own.isEmpty
            }
        } else if opening.starts(with: before + userOpening) {
            // The system text goes into the first question.
            let own = opening.dropFirst(before.count + userOpening.count)
            system = [.text(SlotReader.text(own + Self.content + behind))]
            family = .llama2
        }
    }

    /// Reads the words around thoughts off what answers without one have before them.
    ///
    /// - Parameter isKept: Whether it stands before earlier answers too, so that it is a part of all.
    private mutating func readThought(_ empty: [UInt8], isKept: Bool) {
        guard !empty.isEmpty else { return }
        let text = SlotReader.text(empty)
        if !isKept, family == .plain, let (open, rest) = text.split(at: "</think>"),
            open.holds("<think>")
        {
            family = .reasoning
            let lines = open.utf8.reversed().prefix { $0 == 0x0A }.count
            let closing = String(repeating: "\n", count: lines / 2)
            thoughtWords = Words(
                open: open.bytes(0..<open.utf8.count - lines / 2),
                close: closing + "</think>" + rest)
        } else {
            assistant = [.text(text + "{{content}}" + SlotReader.end(of: assistant))]
        }
    }
}

/// Renders dialogues of texts that occur nowhere else, and gives what stands between them.
private struct SlotReader {
    private let own: ModelChatTemplate

    init(_ own: ModelChatTemplate) { self.own = own }

    typealias Turn = (role: String, content: String)

    private func render(_ messages: [Turn], asking: Bool) throws -> [UInt8] {
        let items = messages.map { message -> JSONValue in
            ["role": .string(message.role), "content": .string(message.content)]
        }
        do {
            return Array(
                try own.render(messages: .array(items), addsGenerationPrompt: asking).text.utf8)
        } catch let error as FledgeError {
            throw Self.unreadable(error.message, at: error.location, cause: error)
        }
    }

    /// What stands before, between and behind some texts; of those that are not there nothing.
    func parts(_ messages: [Turn], asking: Bool, _ marks: [String]) throws -> [[UInt8]] {
        var rest = SlotReader.text(try render(messages, asking: asking))
        var parts = [[UInt8]]()
        for mark in marks {
            guard let (before, after) = rest.split(at: mark) else { continue }
            guard !after.holds(mark) else {
                throw Self.unreadable("it writes a message twice")
            }
            parts.append(Array(before.utf8))
            rest = after
        }
        return parts + [Array(rest.utf8)]
    }

    func systemParts() throws -> [[UInt8]] {
        let marks = ["qzsystemzq", "qzonezq"]
        return try parts([("system", marks[0]), ("user", marks[1])], asking: true, marks)
    }

    /// The roles whose messages are written without white space at their ends.
    func trimmedRoles() -> ChatTemplate.Roles {
        let marks = ["qzonezq", "qztwozq", "qzsystemzq"]
        func text(spacing role: Message.Role?) -> [UInt8]? {
            func turn(_ other: Message.Role, _ mark: String) -> Turn {
                (other.rawValue, role == other ? " \n\t\(mark) \n\n" : mark)
            }
            let turns = [turn(.user, marks[0]), turn(.assistant, marks[1])]
            return try? render(turns + turns, asking: false)
        }
        var roles = Set<Message.Role>()
        if let plain = text(spacing: nil) {
            roles = Set([.user, .assistant].filter { text(spacing: $0) == plain })
        }
        let asked: [Turn] = [("system", marks[2]), ("user", marks[0])]
        let spaced: [Turn] = [("system", " \n\t\(marks[2]) \n\n"), ("user", marks[0])]
        if let plain = try? render(asked, asking: true), Self.text(plain).holds(marks[2]),
            plain == (try? render(spaced, asking: true))
        {
            roles.insert(.system)
        }
        return ChatTemplate.Roles(roles)
    }

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: Array(bytes), as: UTF8.self)
    }

    static func slots(_ bytes: [UInt8]) -> [ChatTemplate.Slot] {
        bytes.isEmpty ? [] : [.text(text(bytes))]
    }

    /// What stands behind the content of an answer.
    static func end(of slots: [ChatTemplate.Slot]) -> String {
        guard case .text(let text)? = slots.first else { return "" }
        return text.split(at: "{{content}}")?.after ?? ""
    }

    static func shown(_ bytes: [UInt8]) -> String { JSONValue.string(text(bytes)).serialized() }

    static func unreadable(
        _ reason: String, at location: FledgeError.Location? = nil, cause: (any Error)? = nil
    ) -> FledgeError {
        FledgeError(
            .templateDiffers, "No template can be read off the model's own one: \(reason).",
            advice: "Set template: model, which writes every dialogue as the model's own template "
                + "does, or name the model's template.", at: location, cause: cause)
    }
}

extension BidirectionalCollection where Element: Equatable {
    /// Whether the last elements are those of another collection.
    fileprivate func ends(with other: some BidirectionalCollection<Element>) -> Bool {
        reversed().starts(with: other.reversed())
    }
}

extension [UInt8] {
    /// The longest end that two texts share, of whole characters.
    fileprivate func commonEnd(_ other: [UInt8]) -> [UInt8] {
        let count = zip(reversed(), other.reversed()).prefix { $0 == $1 }.count
        return Array(suffix(count).drop { $0 & 0xC0 == 0x80 })
    }
}
