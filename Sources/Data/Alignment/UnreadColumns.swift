import FledgeCore
internal import FledgeTokenize

extension DatasetDescription {
    /// The columns that rows of this form are read from.
    var readColumns: Set<String> {
        var names = [columns.system, columns.tools, columns.ktoTag]
        names += [columns.images, columns.videos, columns.audios]
        names += isRanking ? [columns.chosen, columns.rejected] : [columns.response]
        switch formatting {
        case .alpaca: names += [columns.prompt, columns.query, columns.history]
        case .sharegpt, .openai:
            names += [columns.messages ?? "conversations", Aligner.lossMaskColumn]
        }
        return Set(names.compactMap(\.self)).union(keptColumns)
    }
}

extension AlignedSample {
    /// Whether a column holds nothing that the row does not say already: a message of it once more, all
    /// of them written out as one text, or in a list of messages.
    func isCopied(
        in column: JSONValue.Member, _ aligner: Aligner, _ turns: [Message] = []
    ) -> Bool {
        let messages = turns + prompt + response
        let said = messages.flatMap(\.texts).filter { !$0.isEmpty }
        if let text = column.value.stringValue {
            if said.contains(where: { $0.utf8.elementsEqual(text.utf8) }) { return true }
            // As the column `text` of Alpaca; a thought may repeat question and answer, too.
            let name = column.key.lowercased()
            return Self.writtenOut.contains(where: name.contains) && said.count > 1
                && said.allSatisfy { ByteMarks([$0]).occur(in: text) }
        }
        guard let items = column.value.arrayValue, let reader = aligner.reader(for: items) else {
            return false
        }
        let texts = Set(said + [system])
        return items.allSatisfy { item in
            (item.members ?? []).allSatisfy { member in
                switch member.key {
                case reader.contentKey: member.value.stringValue.map(texts.contains) ?? false
                case reader.roleKey: true
                default:
                    member.value.isNothing
                        || KnownNames.reason(member: member.key, isResult: false) != nil
                }
            }
        }
    }

    /// Parts of the names of columns that hold whole rows as texts.
    private static let writtenOut = [
        "text", "prompt", "chat", "conversation", "dialog", "formatted", "full",
    ]
}

extension [JSONValue.Member] {
    /// The indices of members that a later one of the same name, with another value, replaces.
    var replaced: Set<Int> {
        var found = Set<Int>()
        // Looking at each pair is faster for the few members that rows have.
        if count <= 16 {
            for index in indices.dropLast() {
                let member = self[index]
                // Texts are compared faster than their bytes.
                if self[(index + 1)...].contains(where: {
                    $0.key == member.key && $0.key.utf8.elementsEqual(member.key.utf8)
                        && $0.value != member.value
                }) {
                    found.insert(index)
                }
            }
            return found
        }
        var last = [[UInt8]: Int]()
        for index in indices.reversed() {
            if let later = last.updateValue(index, forKey: [UInt8](self[index].key.utf8)),
                self[later].value != self[index].value
            {
                found.insert(index)
            }
        }
        return found
    }
}
