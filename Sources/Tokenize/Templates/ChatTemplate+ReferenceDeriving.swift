import FledgeCore

extension ChatTemplate {
    /// Reads the slots of a template off what a model's own one renders, by lengths and single
    /// characters, as the reference does: the result may be wrong in many ways.
    ///
    /// Multi-turn subtleties of the original (thoughts that vanish from history, tools) are not seen;
    /// comparing the two over real dialogues shows where they differ.
    ///
    /// - Parameters:
    ///   - prefix: What the tokenizer puts before any text; it is the template's prefix where the
    ///     original writes it too. (The reference cuts as many characters off anything else.)
    ///   - render: The original: messages of (role, content), and whether it ends where the model
    ///     shall speak.
    /// - Throws: ``FledgeError`` when the original refuses such dialogues; what `render` throws
    ///   otherwise.
    public init(
        derivingAsReference name: String, prefix: String,
        render: (_ messages: [(role: String, content: String)], _ opensAnswer: Bool) throws ->
            String
    ) throws {
        let content = "{{content}}"
        var prefix = prefix
        func rendered(
            _ messages: [(role: String, content: String)], _ opensAnswer: Bool
        ) throws -> [Unicode.Scalar] {
            do {
                let text = try render(messages, opensAnswer)
                if !text.utf8.starts(with: prefix.utf8) { prefix = "" }
                return Array(text.unicodeScalars.dropFirst(prefix.unicodeScalars.count))
            } catch let error as FledgeError {
                throw FledgeError(
                    .unsupported,
                    "No template can be read off the model's own one: \(error.message)",
                    advice: "Name the model's template.", at: error.location, cause: error)
            }
        }
        // A question tells whether the prefix is written.
        _ = try rendered([("user", content)], true)
        var systemSlot = try rendered([("system", content)], false)
        let withEmptySystem = try rendered([("system", ""), ("user", content)], true)
        var userSlot = try rendered([("user", content)], true)
        let both = try rendered([("user", content), ("assistant", content)], false)
        var answer = Self.text(both.dropFirst(userSlot.count))
        let isReasoning = answer.holds("<think>")
        answer = answer.replacing("<think>", by: "").replacing("</think>", by: "")
        answer = String(Substring(answer.utf8.drop { $0 == 0x0A }))

        var defaultSystem = ""
        if userSlot.count > withEmptySystem.count {
            // The original has a system text of its own.
            defaultSystem = Self.text(Self.inserted(withEmptySystem, userSlot)[...])
            let sole = Self.text(systemSlot[...]).replacingFirst(content, by: defaultSystem)
            userSlot = Array(userSlot.dropFirst(sole.unicodeScalars.count))
        }
        if systemSlot.isEmpty { systemSlot = Array(content.unicodeScalars) }
        let user = Slot.text(Self.text(userSlot[...]))
        self.init(
            name, prefix: prefix.isEmpty ? [] : [.text(prefix)],
            system: [.text(Self.text(systemSlot[...]))], user: [user], assistant: [.text(answer)])
        self.defaultSystem = defaultSystem
        if isReasoning { family = .reasoning }
        for (slot, text) in [("user", Self.text(userSlot[...])), ("assistant", answer)]
        where !text.holds(content) {
            throw FledgeError(
                .unsupported,
                "No template can be read off the model's own one: it does not write the content of \(slot) messages as it is.",
                advice: "Name the model's template.")
        }
    }

    private static func text(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return text
    }

    /// What a longer text has beside a shorter one.
    private static func inserted(
        _ short: [Unicode.Scalar], _ long: [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var (place, result) = (0, [Unicode.Scalar]())
        for scalar in long {
            if place == short.count { break }
            if scalar == short[place] { place += 1 } else { result.append(scalar) }
        }
        return result
    }
}

extension String {
    /// The text with the first occurrence of a part replaced.
    fileprivate func replacingFirst(_ part: String, by new: String) -> String {
        guard let (before, after) = split(at: part) else { return self }
        return before + new + after
    }
}
