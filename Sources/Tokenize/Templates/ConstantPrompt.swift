import FledgeCore
import FledgeJinja

/// The beginning of an answer that a template writes behind every dialogue, though nobody asks.
///
/// Behind an answer such a template writes the end of the answer and the beginning of another one. The
/// end is what a further question has before it too; what every turn begins with is not a part of it.
struct ConstantPrompt {
    /// The beginning; empty for a template that writes it where it is asked.
    private(set) var bytes: [UInt8] = []

    /// Finds it by a few dialogues of texts that occur nowhere else.
    init(_ own: ModelChatTemplate, _ variables: JSONValue) {
        let marks = ["qzonezq", "qztwozq", "qzthreezq"]
        func parts(_ count: Int, asking: Bool) -> [[UInt8]]? {
            let items = marks.prefix(count).enumerated().map { index, mark -> JSONValue in
                ["role": .string(index == 1 ? "assistant" : "user"), "content": .string(mark)]
            }
            let text = try? own.render(
                messages: .array(items), addsGenerationPrompt: asking, variables: variables
            ).text
            guard var rest = text else { return nil }
            var parts = [[UInt8]]()
            for mark in marks.prefix(count) {
                guard let (before, after) = rest.split(at: mark) else { return nil }
                parts.append(Array(before.utf8))
                rest = after
            }
            return parts + [Array(rest.utf8)]
        }
        guard let answered = parts(2, asking: false), let longer = parts(3, asking: false) else {
            return
        }
        let (head, end, next) = (answered[0], answered[2], longer[2])
        if next.starts(with: end) { return }
        var kept = zip(end, next).prefix { $0 == $1 }.count
        while kept > 0, kept < end.count, end[kept] & 0xC0 == 0x80 { kept -= 1 }
        kept -= Self.opening(of: head, in: end.prefix(kept))
        let prompt = Array(end[kept...])
        guard !prompt.isEmpty, let open = parts(1, asking: false),
            let asked = parts(1, asking: true),
            open[1].reversed().starts(with: prompt.reversed()),
            String(decoding: asked[1], as: UTF8.self).holds(String(decoding: prompt, as: UTF8.self))
        else { return }
        bytes = prompt
    }

    /// The length of the longest ending of a text that a dialogue begins with, behind a token or two for
    /// the beginning: what every turn begins with.
    private static func opening(of head: [UInt8], in text: ArraySlice<UInt8>) -> Int {
        var starts = [0]
        for _ in 0..<3 {
            guard let start = starts.last, start < head.count else { break }
            let closing: UInt8
            switch head[start] {
            case UInt8(ascii: "<"): closing = UInt8(ascii: ">")
            case UInt8(ascii: "["): closing = UInt8(ascii: "]")
            default: return length(starts, head, text)
            }
            guard let end = head[start...].firstIndex(of: closing) else { break }
            starts.append(end + 1)
        }
        return length(starts, head, text)
    }

    private static func length(
        _ starts: [Int], _ head: [UInt8], _ text: ArraySlice<UInt8>
    ) -> Int {
        stride(from: text.count, to: 0, by: -1).first { count in
            starts.contains { head[$0...].starts(with: text.suffix(count)) }
        } ?? 0
    }
}
