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
    public var furtherResults: [String] {
        get { parts.furtherResults }
        set { parts.furtherResults = newValue }
    }
    /// What the model thought before it spoke, where the thought stands apart from ``content``. A template
    /// writes it in its own words; one that knows no thoughts leaves it out.
    public var thought: String? {
        get { parts.thought }
        set { parts.thought = newValue }
    }
    /// What is said before a call, in a message of role ``Role/function`` whose ``content`` is the call
    /// alone.
    public var textBeforeCall: String {
        get { parts.textBeforeCall }
        set { parts.textBeforeCall = newValue }
    }
    /// What tells calls of tools apart: the ids of the calls, in a message of role ``Role/function``, or of
    /// the calls that are answered, in one of role ``Role/observation``. Only models' own templates write
    /// them; empty where there are none.
    public var callIDs: [String] {
        get { parts.callIDs }
        set { parts.callIDs = newValue }
    }
    /// How much the message counts where it is learned: 1 for ordinary training, 0 for not at all.
    public var weight: Float
    /// What few messages have, in one place: messages are copied often.
    private var apart = Apart.none

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
        guard case .some(let parts) = apart else { return [content] }
        return [content] + parts.furtherResults
            + [parts.thought ?? "", parts.textBeforeCall].filter { !$0.isEmpty }
    }

    /// What tools returned, in a message of role ``Role/observation``.
    public var results: [String] { [content] + furtherResults }

    /// Whether something stands apart from the content.
    package var hasPartsApart: Bool { if case .some = apart { true } else { false } }

    /// Whether there is a thought, apart from the content or in it.
    var hasThought: Bool { thought != nil || content.holds("</think>") }

    private var parts: Parts {
        get { if case .some(let parts) = apart { parts } else { Parts() } }
        set { apart = newValue == Parts() ? .none : .some(newValue) }
    }

    /// What stands apart from the content.
    private struct Parts: Hashable, Sendable {
        var furtherResults: [String] = []
        var thought: String?
        var textBeforeCall = ""
        var callIDs: [String] = []
    }

    /// Parts behind one reference, whose copies cost what one reference does.
    private indirect enum Apart: Hashable, Sendable {
        case none
        case some(Parts)
    }
}
