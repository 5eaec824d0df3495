/// How a dialogue becomes the text that a model was trained on.
///
/// Slots are filled with the messages' contents and give pieces; each piece is tokenised by itself.
/// A template is a value: changing one changes no other run.
public struct ChatTemplate: Hashable, Sendable {
    /// An element of a template.
    public enum Slot: Hashable, Sendable {
        /// Text, in which `{{content}}` and `{{idx}}` stand for what is filled in.
        case text(String)
        /// The token that begins a text.
        case beginOfText
        /// The token that ends a text.
        case endOfText
        /// A single token.
        case token(String)
    }

    /// What is special about rendering.
    public enum Family: Hashable, Sendable {
        /// Nothing.
        case plain
        /// The system text goes into the first user message.
        case llama2
        /// Answers without a thought get an empty one.
        case reasoning
        /// The same, with nothing but the closing word for the empty thought.
        case reasoningGLM47

        /// Whether answers carry thoughts.
        public var isReasoning: Bool { self == .reasoning || self == .reasoningGLM47 }
    }

    /// What control strings such as `<|im_end|>` inside of contents become.
    public enum ContentSpecials: Hashable, Sendable {
        /// Ordinary text.
        case text
        /// Control tokens, as in the reference: whoever writes a message can end it.
        case parse
    }

    /// The name it is found by.
    public var name: String
    /// What is special about rendering.
    public var family = Family.plain
    /// Before everything else.
    public var prefix: [Slot] = []
    /// The system text.
    public var system: [Slot] = [.text("{{content}}")]
    /// A question, up to where the answer begins.
    public var user: [Slot] = [.text("{{content}}")]
    /// An answer.
    public var assistant: [Slot]
    /// A call of tools.
    public var function: [Slot]
    /// What a tool returned, up to where the answer begins.
    public var observation: [Slot]
    /// Between two results of tools in a row, as the model's own template writes them: in the next turn,
    /// or in the same one. A line break where models have no form for results.
    public var resultSeparator: [Slot] = [.text("\n")]
    /// What the reference writes for a call, where models' own templates write something else.
    var referenceFunction: [Slot]?
    /// What the reference writes for the result of a tool, where models' own templates write something
    /// else.
    var referenceObservation: [Slot]?
    /// How thoughts stand before calls, where models' own templates write them otherwise than ``thoughtWords``
    /// says.
    var callThoughts: CallThoughts?
    /// How calls are written.
    public var functionFormat = ToolFormat.default
    /// How tools are described.
    public var toolsFormat = ToolFormat.default
    /// Text around the tools as they are, for the one template that describes them so.
    public var toolsSlot: String?
    /// The system text of a dialogue without one.
    public var defaultSystem = ""
    /// Texts that end an answer.
    public var stopWords: [String] = []
    /// What opens and closes a thought.
    public var thoughtWords = Words(open: "<think>\n", close: "\n</think>\n\n")
    /// What opens and closes a call.
    public var toolCallWords = Words(open: "<tool_call>", close: "</tool_call>")
    /// Whether one end token follows the whole dialogue instead of each answer.
    public var usesEfficientEnd = false
    /// Whether the first stop word becomes the tokenizer's end token.
    public var replacesEnd = false
    /// Whether the tokenizer's own chat template is replaced.
    public var replacesJinja = false
    /// Whether answers may hold thoughts; `nil` keeps them but learns no empty one.
    public var enablesThinking: Bool? = true
    /// Whether thoughts of earlier answers stay.
    public var preservesThinking = false
    /// The day that descriptions of tools mention, as `02 Jan 2025`; `nil` for today, as in the
    /// reference, with which no run can be repeated on another day.
    public var toolDate: String?
    /// What control strings inside of contents become.
    public var contentSpecials = ContentSpecials.text
    /// The model's own template, where it writes the dialogues instead of the slots.
    public var model: ModelRendering?
    /// Whether the model's own template is given the system message of a dialogue that has an empty one,
    /// in place of none: it may have a text for dialogues without one.
    public var writesEmptySystem = false
    /// The messages that are written without the white space at their ends.
    public var trimmedRoles: Roles = []
    /// Whether the system slot is written even when there is nothing to fill it with.
    public var alwaysWritesSystem = false
    /// Where the template is as wrong as the reference is.
    public var referenceWays: ReferenceWays = []

    /// Ways of the reference in which dialogues are written otherwise than models' own templates do.
    public struct ReferenceWays: OptionSet, Hashable, Sendable {
        /// One bit a way.
        public let rawValue: UInt8
        /// Creates a set from its bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// An empty list of tools makes an empty system text.
        public static let emptyTools = ReferenceWays(rawValue: 1)
        /// Of several blocks of calls in a message the first counts, and equal ones vanish; a format
        /// for single calls refuses several. Calls are written as the reference does, also where models
        /// do not know that form.
        public static let singleCalls = ReferenceWays(rawValue: 2)
        /// A thought that is not opened stays so.
        public static let halfThoughts = ReferenceWays(rawValue: 4)
        /// Results of tools are written as the reference does, also where models do not know that form.
        public static let plainResults = ReferenceWays(rawValue: 8)
        /// All of them.
        public static let all: ReferenceWays = [
            .emptyTools, .singleCalls, .halfThoughts, .plainResults,
        ]
    }

    /// Roles of messages; written as text they always are the same one.
    public struct Roles: OptionSet, Hashable, Sendable {
        /// One bit a role.
        public let rawValue: UInt8
        /// Creates a set from its bits.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// Creates a set of some roles.
        public init(_ roles: some Sequence<Message.Role>) {
            rawValue = roles.reduce(0) { $0 | Self.bit($1) }
        }

        /// Whether a role is one of them.
        public func holds(_ role: Message.Role) -> Bool { rawValue & Self.bit(role) != 0 }

        private static func bit(_ role: Message.Role) -> UInt8 {
            switch role {
            case .user: 1
            case .assistant: 2
            case .system: 4
            case .function: 8
            case .observation: 16
            }
        }
    }

    /// A pair of words around something.
    public struct Words: Hashable, Sendable {
        /// The word before.
        public var open: String
        /// The word after.
        public var close: String

        /// Creates a pair.
        public init(open: String, close: String) { (self.open, self.close) = (open, close) }
    }

    /// Thoughts before calls.
    struct CallThoughts: Hashable, Sendable {
        /// Around a thought, which has no white space at its ends.
        var words: Words
        /// What is learned where there is no thought.
        var empty: String
    }

    /// Creates a template; what is left out is as in the reference.
    public init(
        _ name: String, prefix: [Slot] = [], system: [Slot]? = nil, user: [Slot]? = nil,
        assistant: [Slot]? = nil, function: [Slot]? = nil, observation: [Slot]? = nil,
        usesEfficientEnd: Bool = false
    ) {
        let content = [Slot.text("{{content}}")]
        self.name = name
        self.prefix = prefix
        self.system = system ?? content
        self.user = user ?? content
        self.assistant = assistant ?? (usesEfficientEnd ? content : content + [.endOfText])
        self.function = function ?? self.assistant
        self.observation = observation ?? self.user
        self.usesEfficientEnd = usesEfficientEnd
    }

    /// Creates a template that writes as the model's own one does.
    public init(writingAs model: ModelRendering) {
        self.init("model")
        self.model = model
    }

    /// Whether answers may hold thoughts.
    public var readsThoughts: Bool { family.isReasoning || model != nil }

    /// Describes tools and writes calls in another format than the template's own.
    ///
    /// As in the reference, calls then lose the template's own words around them.
    public mutating func setToolFormat(_ format: ToolFormat) {
        function = [.text("{{content}}")] + (usesEfficientEnd ? [] : [.endOfText])
        referenceFunction = nil
        if format != functionFormat { callThoughts = nil }
        functionFormat = format
        toolsFormat = format
        toolsSlot = nil
    }
}
