/// One message of a dialogue.
public struct Message: Hashable, Sendable {
    /// Who speaks.
    public enum Role: String, Hashable, Sendable, CaseIterable {
        /// The person who asks.
        case user
        /// The model that answers.
        case assistant
        /// The instructions before a dialogue.
        case system
        /// A call of a tool by the model, as JSON.
        case function
        /// What a tool returned.
        case observation
    }

    /// Who speaks.
    public var role: Role
    /// What is said.
    public var content: String
    /// The results of further tools, where a message of role ``Role/observation`` answers calls that were
    /// made at once: ``content`` is the first.
    public var furtherResults: [String] = []
    /// What the model thought before it spoke, where the thought stands apart from ``content``. A template
    /// writes it in its own words; one that knows no thoughts leaves it out.
    public var thought: String?
    /// What is said before a call, in a message of role ``Role/function`` whose ``content`` is the call
    /// alone.
    public var textBeforeCall = ""
    /// How much the message counts where it is learned: 1 for ordinary training, 0 for not at all.
    public var weight: Float

    /// Creates a message.
    public init(_ role: Role, _ content: String, weight: Float = 1) {
        (self.role, self.content, self.weight) = (role, content, weight)
    }

    /// Creates the message of what tools returned, in the order of their calls.
    public init(results: [String]) {
        self.init(.observation, results.first ?? "")
        furtherResults = Array(results.dropFirst())
    }

    /// All texts of the message.
    public var texts: [String] {
        var texts = [content] + furtherResults
        if let thought { texts.append(thought) }
        if !textBeforeCall.isEmpty { texts.append(textBeforeCall) }
        return texts
    }
}
