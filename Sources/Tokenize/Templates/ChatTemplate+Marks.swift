import FledgeCore
internal import FledgeJinja

extension ChatTemplate {
    /// The control strings that the template writes around messages, such as `<|im_start|>`: those in
    /// the shapes that only special tokens have.
    public var marks: [String] {
        var found = [String]()
        if let model {
            // Those of a question, which every dialogue has.
            let text = try? model.render(
                [["role": "user", "content": "?"]], tools: .null, asking: true
            ).text
            for text in ChatTemplate.marks(in: text ?? "") where !found.contains(text) {
                found.append(text)
            }
            return found
        }
        for slot in prefix + system + user + assistant + observation {
            let texts: [String] =
                switch slot {
                case .text(let text): ChatTemplate.marks(in: text)
                case .token(let token): [token]
                case .beginOfText, .endOfText: []
                }
            for text in texts where !found.contains(text) { found.append(text) }
        }
        return found
    }

    /// `<|…|>`, `<｜…｜>`, `<start_of_turn>` and `<end_of_turn>` in a text.
    private static func marks(in text: String) -> [String] {
        let bytes = Array(text.utf8)
        var found = [String]()
        let bars = [("<|", "|>"), ("<｜", "｜>")].map { (Array($0.utf8), Array($1.utf8)) }
        let words = ["<start_of_turn>", "<end_of_turn>"].map { Array($0.utf8) }
        var start = 0
        func begins(_ part: [UInt8], at place: Int) -> Bool {
            bytes[place...].starts(with: part)
        }
        while start < bytes.count {
            if let word = words.first(where: { begins($0, at: start) }) {
                found.append(String(decoding: word, as: UTF8.self))
                start += word.count
                continue
            }
            if let (_, close) = bars.first(where: { begins($0.0, at: start) }),
                let end = (start..<bytes.count).first(where: { begins(close, at: $0) }),
                !bytes[start..<end].contains(UInt8(ascii: " "))
            {
                let mark = bytes[start..<end + close.count]
                found.append(String(decoding: mark, as: UTF8.self))
                start = mark.endIndex
                continue
            }
            start += 1
        }
        return found
    }
}
