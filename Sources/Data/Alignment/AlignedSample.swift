public import FledgeCore
public import FledgeTokenize

/// A row in the form that all kinds of data share.
public struct AlignedSample: Hashable, Sendable {
    /// The dialogue up to the last question; empty for a row that is to be dropped.
    public var prompt: [Message]
    /// The answer; two for preference data, none for bare questions.
    public var response: [Message]
    /// The system text; empty for none.
    public var system: String
    /// Whether there is a system message, and no text in it.
    public var hasEmptySystem = false
    /// The tools as a JSON list; empty for none.
    public var tools: String
    /// Whether a single answer was found good; nil where none is marked.
    public var isDesirable: Bool?
    /// Where the row is written.
    public var source: FledgeError.Location
    /// Why the row is to be dropped.
    public var fault: String?
    /// Why the row has no answer, or none that is marked, where a stage needs one.
    public var answerFault: String?
    /// Columns as they are in the file, by name: those that whoever judges answers has asked for.
    public var columns: [String: JSONValue] = [:]
    /// What the row holds and nothing reads.
    public var unread: [UnreadName] = []

    /// Creates a sample.
    public init(
        prompt: [Message], response: [Message], system: String = "", tools: String = "",
        source: FledgeError.Location = FledgeError.Location(file: ""), fault: String? = nil
    ) {
        self.prompt = prompt
        self.response = response
        self.system = system
        self.tools = tools
        self.source = source
        self.fault = fault
    }

    /// Notes something that the row holds and that nothing reads.
    mutating func noteUnread(_ name: UnreadName) {
        if !unread.contains(name) { unread.append(name) }
    }

    /// Takes a system text that stands in one place more; false where the row has another one already.
    @discardableResult
    mutating func adopt(system text: String) -> Bool {
        if system.isEmpty { system = text }
        return text.isEmpty || text == system
    }

    /// Gives the row one answer that was found good or bad: the other place is empty, as in the
    /// reference.
    mutating func mark(_ answer: Message, isDesirable: Bool) {
        let none = Message(.assistant, "")
        response = isDesirable ? [answer, none] : [none, answer]
        self.isDesirable = isDesirable
    }
}

/// Something that rows hold and that nothing reads.
public enum UnreadName: Hashable, Sendable {
    /// A column.
    case column(String)
    /// A member of messages.
    case member(String)

    /// A system text where another one is read.
    static var otherSystem: UnreadName { .member("a second, other system text") }
    /// A mark that a message is to be learned which is no answer.
    static var learnedQuestion: UnreadName {
        .member("marks to learn messages that are no answers")
    }

    /// The name itself.
    var text: String {
        switch self {
        case .column(let name), .member(let name): name
        }
    }
}
