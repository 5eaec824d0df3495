import FledgeCore

/// A question that an answer does not go on with.
struct ModelMismatch {
    let asked: [UInt8]
    let written: [UInt8]

    /// The error that shows where they part, with advice that fits the cause.
    ///
    /// - Parameters:
    ///   - hasThought: Whether the answer has a thought.
    ///   - member: The member of messages in which the template reads thoughts.
    func error(hasThought: Bool, member: String?) -> FledgeError {
        let place = zip(asked, written).prefix { $0 == $1 }.count
        func rest(_ bytes: [UInt8]) -> String {
            JSONValue.string(String(decoding: bytes[place...].prefix(60), as: UTF8.self))
                .serialized()
        }
        let advice: String
        if place < asked.count, !opensThought {
            advice =
                "The template writes what stands before an answer in another way once there is an "
                + "answer, such as numbers, counts or an order of messages: name a template that "
                + "writes every message once, as it is."
        } else if hasThought {
            advice =
                "The answers have thoughts, and the template does not write them where its prompts "
                + "open one: name a template that does, or take the thoughts out."
        } else {
            advice =
                "Give answers with their thoughts\(member.map { " (in \($0))" } ?? ""), since the "
                + "prompts of this model open one, or name a template."
        }
        return FledgeError(
            .mismatch,
            "The model's own template asks in one way and writes the answer in another: after "
                + "\(place) equal bytes it asks with \(rest(asked)) and writes \(rest(written)).",
            advice: advice)
    }

    /// Whether the prompt ends in words that have to do with a thought.
    private var opensThought: Bool {
        let end = String(decoding: asked.suffix(40), as: UTF8.self).lowercased()
        return ["think", "thought", "reason", "analysis", "channel"].contains(where: end.holds)
    }
}
