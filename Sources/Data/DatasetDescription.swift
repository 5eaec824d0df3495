public import FledgeCore

/// What `dataset_info.json` says about a data set.
public struct DatasetDescription: Hashable, Sendable {
    /// The form of the rows.
    public enum Formatting: String, Hashable, Sendable, CaseIterable {
        /// An instruction and its answer in columns.
        case alpaca
        /// A list of messages.
        case sharegpt
        /// A list of messages with separate tool calls.
        case openai
    }

    /// The columns of the rows by what they hold; `nil` where there is none.
    public struct Columns: Hashable, Sendable {
        /// Columns of alpaca rows.
        public var prompt, query, response, history: String?
        /// The messages of the other forms.
        public var messages: String?
        /// The system text and the tools.
        public var system, tools: String?
        /// The two answers of preference data, and the mark of a single one.
        public var chosen, rejected, ktoTag: String?
        /// Media, which are not supported.
        public var images, videos, audios: String?

        /// The columns of a description without any.
        public init() {
            (prompt, query, response) = ("instruction", "input", "output")
            messages = "conversations"
        }
    }

    /// How messages are written; `nil` where a role does not occur.
    public struct Tags: Hashable, Sendable {
        /// The keys of a message's role and content.
        public var role, content: String?
        /// The names of the roles.
        public var user, assistant, observation, function, system: String?

        /// The tags of a description without any.
        public init() {
            (role, content, user, assistant) = ("from", "value", "human", "gpt")
            (observation, function, system) = ("observation", "function_call", "system")
        }

        /// The tags of OpenAI's chat completions.
        public static var openAI: Tags {
            var tags = Tags()
            (tags.role, tags.content) = ("role", "content")
            (tags.user, tags.assistant) = ("user", "assistant")
            (tags.observation, tags.function, tags.system) = ("tool", nil, "system")
            return tags
        }
    }

    /// The name.
    public var name: String
    /// The file or folder with the rows.
    public var path: String
    /// The form of the rows.
    public var formatting = Formatting.alpaca
    /// Whether the rows hold a better and a worse answer.
    public var isRanking = false
    /// The number of rows to draw; `nil` for all in their order.
    public var sampleCount: Int?
    /// The part of the rows that is used, before any are drawn.
    public var split = DatasetSplit()
    /// The columns of the rows.
    public var columns = Columns()
    /// How messages are written.
    public var tags = Tags()
    /// Columns that rows keep as they are in the file, for whoever judges answers by them.
    public var keptColumns: Set<String> = []
    /// Whether a dialogue may end with the question that is to be answered.
    public var takesQuestions = false

    /// Describes alpaca rows in a file.
    public init(name: String, path: String) { (self.name, self.path) = (name, path) }

    /// Reads an entry of `dataset_info.json`.
    ///
    /// - Parameters:
    ///   - folder: The folder that file names are relative to, with a slash; empty for none.
    ///   - file: The path of `dataset_info.json`, for messages.
    ///   - quirks: With `openai_alignment` rows in that form have the tags of the form sharegpt, where
    ///     the entry gives none.
    public init(
        name: String, json: JSONValue, folder: String, file: String, quirks: ReferenceQuirks = []
    ) throws {
        let reader = EntryReader(name: name, file: file)
        try reader.check(
            json, "the data set \(name)",
            RemoteDataset.keys + [
                "file_name", "formatting", "ranking", "subset", "split", "folder", "num_samples",
                "columns", "tags",
                // A digest of the file that old descriptions have; the reference does not read it.
                "file_sha1",
            ])
        if let remote = try RemoteDataset(json, reader) { throw remote.error(name: name, reader) }
        guard let fileName = try reader.text(json, "file_name") else {
            throw reader.error(.configuration, "The data set \(name) has no file_name.", "")
        }
        for key in ["subset", "folder"] where try reader.text(json, key) != nil {
            throw reader.error(
                .configuration, "The data set \(name) is a file, which has no \(key).",
                "Leave \(key) out; a folder is named by file_name.")
        }
        let isAbsolute = fileName.utf8.first == UInt8(ascii: "/")
        self.init(name: name, path: isAbsolute ? fileName : folder + fileName)
        if let text = try reader.text(json, "formatting") {
            guard let value = Formatting(rawValue: text) else {
                throw reader.error(
                    .configuration, "Unknown formatting \(text) of the data set \(name).",
                    "It is alpaca, sharegpt or openai.")
            }
            formatting = value
            if value == .openai, !quirks.contains(.openAIAlignment) { tags = .openAI }
        }
        isRanking = try reader.flag(json, "ranking") ?? false
        sampleCount = try reader.count(json, "num_samples")
        if let text = try reader.text(json, "split") {
            guard let part = DatasetSplit(text) else {
                throw reader.error(
                    .configuration, "The data set \(name) has no split \(text).",
                    "Files have the split train alone, or a part of it: train[:1000], "
                        + "train[10%:20%].")
            }
            split = part
        }
        if let value = json["columns"], !value.isNull { columns = try Columns(value, reader) }
        if let value = json["tags"], !value.isNull { tags = try Tags(value, reader) }
        if columns.images != nil || columns.videos != nil || columns.audios != nil {
            throw reader.error(
                .unsupported, "The data set \(name) has images, videos or audios.",
                "Only text is supported; leave those columns out to train on the text alone.")
        }
    }
}

/// Reads keys of `dataset_info.json`, naming those that mean nothing.
struct EntryReader {
    let name: String
    let file: String

    func error(_ code: FledgeError.Code, _ message: String, _ advice: String) -> FledgeError {
        FledgeError(code, message, advice: advice, at: FledgeError.Location(file: file))
    }

    func check(_ value: JSONValue, _ what: String, _ known: [String]) throws {
        guard let members = value.members else {
            throw error(
                .configuration, "The description of \(what) is \(value.kind), not an object.", "")
        }
        for member in members where !known.contains(member.key) {
            throw error(
                .configuration, "The key \(member.key) of \(what) means nothing.",
                "Known are \(known.joined(separator: ", ")).")
        }
    }

    /// A text; `nil` for null and for what is not there.
    func text(_ value: JSONValue, _ key: String) throws -> String? {
        try member(value, key, "a text", \.stringValue)
    }

    /// A truth value.
    func flag(_ value: JSONValue, _ key: String) throws -> Bool? {
        try member(value, key, "true or false", \.boolValue)
    }

    /// A number of rows.
    func count(_ value: JSONValue, _ key: String) throws -> Int? {
        let count = try member(value, key, "a whole number", \.intValue)
        guard count.map({ $0 > 0 }) ?? true else {
            throw error(.configuration, "\(key) of \(name) has to be above 0.", "")
        }
        return count
    }

    private func member<Value>(
        _ value: JSONValue, _ key: String, _ expected: String, _ read: (JSONValue) -> Value?
    ) throws -> Value? {
        guard let member = value[key], !member.isNull else { return nil }
        guard let result = read(member) else {
            throw error(
                .configuration, "\(key) of \(name) is \(member.kind), expected \(expected).", "")
        }
        return result
    }
}

extension DatasetDescription.Columns {
    /// When columns are given, those that are not mentioned do not exist.
    fileprivate init(_ value: JSONValue, _ reader: EntryReader) throws {
        try reader.check(
            value, "columns of \(reader.name)",
            [
                "prompt", "query", "response", "history", "messages", "system", "tools", "chosen",
                "rejected", "kto_tag", "images", "videos", "audios",
            ])
        func text(_ key: String) throws -> String? { try reader.text(value, key) }
        (prompt, query, response) = try (text("prompt"), text("query"), text("response"))
        (history, messages) = try (text("history"), text("messages"))
        (system, tools) = try (text("system"), text("tools"))
        (chosen, rejected, ktoTag) = try (text("chosen"), text("rejected"), text("kto_tag"))
        (images, videos, audios) = try (text("images"), text("videos"), text("audios"))
    }
}

extension DatasetDescription.Tags {
    /// When tags are given, those that are not mentioned do not exist.
    fileprivate init(_ value: JSONValue, _ reader: EntryReader) throws {
        try reader.check(
            value, "tags of \(reader.name)",
            [
                "role_tag", "content_tag", "user_tag", "assistant_tag", "observation_tag",
                "function_tag", "system_tag",
            ])
        func text(_ key: String) throws -> String? { try reader.text(value, key) }
        (role, content) = try (text("role_tag"), text("content_tag"))
        (user, assistant) = try (text("user_tag"), text("assistant_tag"))
        (observation, function) = try (text("observation_tag"), text("function_tag"))
        system = try text("system_tag")
    }
}
