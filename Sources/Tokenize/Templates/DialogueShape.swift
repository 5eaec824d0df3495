import FledgeCore

/// A dialogue of a kind that templates can get wrong, to compare them over.
public struct DialogueShape: Hashable, Sendable {
    /// What is special about it.
    public var name: String
    /// The messages, ending with an answer.
    public var messages: [Message]
    /// The system text; empty for none.
    public var system = ""
    /// The tools as a JSON list; empty for none.
    public var tools = ""
    /// Whether thinking is asked for; nil where the shape does not say.
    public var thinking: Bool?

    /// Creates a shape of questions and answers in turn.
    public init(_ name: String, _ turns: String..., system: String = "") {
        self.name = name
        messages = turns.enumerated().map {
            Message($0.offset % 2 == 0 ? .user : .assistant, $0.element)
        }
        self.system = system
    }

    /// Creates a shape of a dialogue.
    public init(_ name: String, _ messages: [Message], system: String, tools: String) {
        (self.name, self.messages, self.system) = (name, messages, system)
        self.tools = tools
    }

    /// The dialogues that ``TemplateAgreement`` compares by default.
    public static let all: [DialogueShape] = [
        DialogueShape("a question", "How are you?", "I am fine."),
        DialogueShape("a system text", "How are you?", "I am fine.", system: "You are kind."),
        DialogueShape("two turns", "One?", "Two.", "Three?", "Four."),
        DialogueShape(
            "a system text and three turns", "One?", "Two.", "Three?", "Four.", "Five?", "Six.",
            system: "Count on."),
        DialogueShape(
            "lines, marks and other scripts", "Zürich — 東京\n\n* \"a\" & <b>\n\tx = {y}",
            "مرحبا 👋🏽\n```swift\nlet x = 1\n```", system: "Line one.\nLine two."),
        DialogueShape(
            "white space around messages", "hi \n", " there \n\n", "  more ", " and \n",
            system: " Be kind.\n"),
        DialogueShape("numbers", "1234567 + 89?", "1234656"),
        thoughts("a thought", "One?", "<think>\nHm.\n</think>\n\nTwo."),
        thoughts(
            "a thought in an earlier answer", "One?", "<think>\nHm.\n</think>\n\nTwo.", "Three?",
            "Four."),
        thinking("thinking on", true), thinking("thinking off", false),
        tools("tools", [Message(.user, "One?"), Message(.assistant, "Two.")]),
        tools(
            "tools and a system text", [Message(.user, "One?"), Message(.assistant, "Two.")],
            system: "You are kind."),
        tools(
            "a call and its result",
            [
                Message(.user, "Weather in Rome?"), Message(.function, "[\(call)]"),
                Message(.observation, #"{"degrees": 31}"#), Message(.assistant, "Hot."),
            ], system: "You are kind."),
        tools(
            "two calls",
            [Message(.user, "Rome and Oslo?"), Message(.function, "[\(call), \(otherCall)]")]),
        tools(
            "two calls and their results",
            [
                Message(.user, "Rome and Oslo?"), Message(.function, "[\(call), \(otherCall)]"),
                Message(results: [#"{"degrees": 31}"#, #"{"degrees": 4}"#]),
                Message(.assistant, "Hot, and cold."),
            ]),
    ]

    private static let call = #"{"name": "weather", "arguments": {"city": "Rome"}}"#
    private static let otherCall = #"{"name": "weather", "arguments": {"city": "Oslo"}}"#

    private static func thoughts(_ name: String, _ turns: String...) -> DialogueShape {
        var shape = DialogueShape(name)
        shape.messages = turns.enumerated().map {
            Message($0.offset % 2 == 0 ? .user : .assistant, $0.element)
        }
        shape.thinking = true
        return shape
    }

    private static func thinking(_ name: String, _ isOn: Bool) -> DialogueShape {
        var shape = DialogueShape(name, "One?", "Two.")
        shape.thinking = isOn
        return shape
    }

    private static func tools(
        _ name: String, _ messages: [Message], system: String = ""
    ) -> DialogueShape {
        var shape = DialogueShape(name, system: system)
        shape.messages = messages
        shape.tools =
            #"[{"type": "function", "function": {"name": "weather", "description": "Tells the weather.", "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "Where."}}, "required": ["city"]}}}]"#
        return shape
    }
}
