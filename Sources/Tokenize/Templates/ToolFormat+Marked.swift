import FledgeCore

extension ToolFormat {
    /// `[TOOL_CALLS]name[ARGS]{…}`, once or several times, or a list of objects behind the first mark, as
    /// the reference writes it; nothing may follow the last call.
    func markedCalls(_ text: AnswerText) -> ExtractedCalls? {
        var found = ExtractedCalls()
        let (mark, end) = ("[TOOL_CALLS]", text.bytes.count)
        var opens = Occurrences(of: mark, in: text)
        guard var place = opens.next(from: 0) else { return nil }
        while place < end {
            guard let head = text.end(of: mark, at: place) else { return nil }
            let name = text.bytes[head...].prefix { $0.isName || $0 >= 0x80 }
            guard !name.isEmpty, let start = text.end(of: "[ARGS]", at: name.endIndex) else {
                let list = text.json(text.stripped(head..<end))
                let calls = (list?.arrayValue ?? []).compactMap { FunctionCall($0) }
                let isList = found.calls.isEmpty && calls.count == list?.arrayValue?.count
                return isList ? ExtractedCalls(calls: calls, ranges: [place..<end]) : nil
            }
            guard let (value, behind) = jsonBeginning(text, at: start) else { return nil }
            found.append(
                FunctionCall(
                    text.text(name.startIndex..<name.endIndex), value.withUniqueMembers),
                place..<behind)
            place = text.spaceEnd(from: behind, to: end)
        }
        return found
    }

    /// A value of JSON with which the rest of a text begins, and where it ends.
    private func jsonBeginning(_ text: AnswerText, at place: Int) -> (JSONValue, Int)? {
        let start = text.spaceEnd(from: place, to: text.bytes.count)
        guard start < text.bytes.count, text.bytes[start] < 0x80 else { return nil }
        return text.bytes.withUnsafeBytes { bytes in
            var parser = JSONParser(
                UnsafeRawBufferPointer(rebasing: bytes[start...]), file: "answer")
            return (try? parser.parseValue()).map { ($0, start + parser.position) }
        }
    }
}
