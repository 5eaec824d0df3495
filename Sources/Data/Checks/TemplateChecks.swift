public import FledgeCore
public import FledgeTokenize

/// Compares how rows are written with how the model's own template writes them: one row of each kind
/// of dialogue that there is.
public struct TemplateChecks: Sendable {
    /// A row that the two write in different ways.
    public struct Finding: Hashable, Sendable {
        /// What is different, as a sentence.
        public var message: String
        /// Whether nothing differs but the system text of dialogues that bring none.
        public var isDefaultSystem: Bool
        /// Whether the model's own template does not write such rows, so that nothing is compared.
        public var isUnknown: Bool
        /// Where the row is written.
        public var source: FledgeError.Location
    }

    /// What can make a difference to a template.
    private struct Kind: Hashable {
        var turns = 0
        var flags: UInt32 = 0

        init(_ row: AlignedSample, _ last: Message?) {
            turns = min(row.prompt.count, 5)
            var bit: UInt32 = 1
            func note(_ holds: Bool) {
                if holds { flags |= bit }
                bit <<= 1
            }
            note(!row.system.isEmpty)
            note(!row.tools.isEmpty)
            note(row.system.hasOuterSpace)
            note(row.prompt.contains { $0.role == .user && $0.content.hasOuterSpace })
            note(row.prompt.contains { $0.role == .assistant && $0.content.hasOuterSpace })
            note(last?.content.hasOuterSpace ?? false)
            note(row.prompt.contains { $0.role == .function })
            note(last?.role == .function)
            note(row.prompt.contains { !$0.furtherResults.isEmpty })
            note(row.prompt.contains { $0.role == .assistant && TemplateChecks.holdsThought($0) })
            note(last.map(TemplateChecks.holdsThought) ?? false)
            note(row.prompt.contains { $0.thought != nil })
            note(last?.thought != nil)
            note(row.prompt.contains { !$0.textBeforeCall.isEmpty })
            note(last?.textBeforeCall.isEmpty == false)
            note(row.prompt.contains { $0.callCount > 1 })
            note((last?.callCount ?? 0) > 1)
        }
    }

    private static let thoughts = ByteMarks(["<think>", "</think>"])
    /// So many kinds are compared.
    private static let mostKinds = 24

    private let agreement: TemplateAgreement
    private let tokenizer: any Tokenizer
    private let name: String
    private let ownSystem: String
    private let asksOnly, masksHistory: Bool
    private let defaultSystem: String?
    private let comparesTools: Bool

    /// Creates a comparison.
    ///
    /// - Parameters:
    ///   - asksOnly: Whether the questions alone count.
    ///   - masksHistory: Whether only the last answer is learned.
    ///   - defaultSystem: The system text that somebody chose for dialogues without one; the model's
    ///     own template is given it. Empty where such dialogues shall have none and are not compared.
    ///   - comparesTools: Whether tools are compared, which is of no use in a format that was chosen.
    public init(
        template: ChatTemplate, tokenizer: any Tokenizer, own: ModelChatTemplate, asksOnly: Bool,
        masksHistory: Bool, defaultSystem: String? = nil, comparesTools: Bool = true
    ) {
        agreement = TemplateAgreement(template, tokenizer, own: own)
        (self.tokenizer, name, ownSystem) = (tokenizer, template.name, template.defaultSystem)
        (self.defaultSystem, self.comparesTools) = (defaultSystem, comparesTools)
        (self.asksOnly, self.masksHistory) = (asksOnly, masksHistory && !template.preservesThinking)
    }

    /// The first row of each kind that is written otherwise.
    public func findings(in rows: [AlignedSample]) -> [Finding] {
        var seen = Set<Kind>()
        var (findings, reasons) = ([Finding](), Set<String>())
        for row in rows where row.fault == nil && row.prompt.count % 2 == 1 {
            if row.system.isEmpty, defaultSystem?.isEmpty == true { continue }
            if !comparesTools, !row.tools.isEmpty { continue }
            let last = row.response.first { !$0.content.isEmpty } ?? row.response.first
            let kind = Kind(row, last)
            guard !seen.contains(kind), seen.count < Self.mostKinds else { continue }
            let messages = row.prompt + [last ?? Message(.assistant, "")]
            let texts = messages.flatMap(\.texts) + [row.system, row.tools]
            // Control strings are written as text, which the model's own template does not do.
            guard !texts.contains(where: holdsForeignSpecial) else { continue }
            seen.insert(kind)
            switch difference(row, messages) {
            case .none: break
            case .unknown(let reason):
                guard reasons.insert(reason).inserted else { continue }
                findings.append(
                    Finding(
                        message:
                            "The template \(name) writes rows that the model's own one does not: "
                            + "\(reason).",
                        isDefaultSystem: false, isUnknown: true, source: row.source))
            case .found(let message):
                var isDefault = false
                if row.system.isEmpty, !ownSystem.isEmpty,
                    case .none = difference(row, messages, system: ownSystem)
                {
                    isDefault = true
                }
                findings.append(
                    Finding(
                        message: message, isDefaultSystem: isDefault, isUnknown: false,
                        source: row.source))
            }
        }
        return findings
    }

    /// What came of comparing a row.
    private enum Difference {
        case none
        case found(String)
        /// The model's own template does not write it; why.
        case unknown(String)
    }

    /// Whether a text holds control strings other than the words around thoughts, which belong into
    /// answers.
    private func holdsForeignSpecial(_ text: String) -> Bool {
        guard tokenizer.containsSpecial(text) else { return false }
        return tokenizer.encode(text, specials: .parse).filter(tokenizer.isSpecial).contains { id in
            !Self.thoughts.occur(in: tokenizer.decode([id], skippingSpecials: false))
        }
    }

    private func difference(
        _ row: AlignedSample, _ messages: [Message], system: String? = nil
    ) -> Difference {
        let system = system ?? (row.system.isEmpty ? defaultSystem ?? "" : row.system)
        let shape = DialogueShape("row", messages, system: system, tools: row.tools)
        guard
            let outcome = try? agreement.outcome(
                of: shape, asksOnly: asksOnly || row.response.isEmpty,
                discardingHistoryThoughts: masksHistory)
        else { return .none }
        let first: TemplateAgreement.Difference
        switch outcome.result {
        case .agrees: return .none
        case .unknownToModel(let reason): return .unknown(reason)
        case .differs(let differences):
            guard let difference = differences.first else { return .none }
            first = difference
        }
        func shown(_ text: String) -> String {
            text.isEmpty ? "nothing" : JSONValue.string(text).serialized()
        }
        return .found(
            "The template \(name) writes rows in another way than the model's own one: after "
                + "\(first.place) equal tokens it writes \(shown(first.first)), the model's own one "
                + "\(shown(first.second)).")
    }

    private static func holdsThought(_ message: Message) -> Bool {
        thoughts.occur(in: message.content)
    }
}

extension String {
    /// Whether white space stands at an end.
    fileprivate var hasOuterSpace: Bool {
        [utf8.first, utf8.last].contains { $0?.isWhiteSpace == true }
    }
}
