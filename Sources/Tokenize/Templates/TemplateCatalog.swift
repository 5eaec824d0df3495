public import FledgeCore

/// The templates that are built in, by the names of LLaMA-Factory.
public enum TemplateCatalog {
    /// The names in alphabetical order.
    public static var names: [String] { rows.keys.sorted() }

    /// The template of a name.
    public static func named(_ name: String) throws -> ChatTemplate {
        guard let row = rows[name] else {
            throw FledgeError(
                .configuration, "Template \(name) does not exist.",
                advice: nearest(to: name).map { "Did you mean \($0)?" }
                    ?? "model is the model's own one; others are \(names.listed).")
        }
        return try ChatTemplate(row: JSONValue(parsing: row, file: "template \(name)"))
    }

    /// The rows of the table; each begins with `{"name": "…"`.
    private static let rows: [String: String] = {
        var rows = [String: String]()
        for line in templateTable.utf8.split(separator: 0x0A) {
            let name = line.split(separator: UInt8(ascii: "\""), maxSplits: 4)
            guard name.count > 3 else { continue }
            rows[String(Substring(name[3]))] = String(Substring(line))
        }
        return rows
    }()

    /// A name that differs by little.
    private static func nearest(to name: String) -> String? {
        let wanted = Array(name.lowercased().utf8)
        let ranked = (names + ["model"]).map {
            (name: $0, distance: distance(Array($0.utf8), wanted))
        }
        guard let best = ranked.min(by: { $0.distance < $1.distance }),
            best.distance <= max(1, wanted.count / 3)
        else { return nil }
        return best.name
    }

    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let next = min(row[j + 1], row[j]) + 1
                (diagonal, row[j + 1]) = (row[j + 1], min(next, diagonal + (x == y ? 0 : 1)))
            }
        }
        return row[b.count]
    }
}

extension ChatTemplate {
    /// A template in the form of the table; keys that are left out have the usual values.
    public init(row: JSONValue) throws {
        func slots(_ key: String) throws -> [Slot]? {
            try row[key]?.arrayValue?.map { value in
                if let text = value.stringValue { return .text(text) }
                if value["bos"]?.boolValue == true { return .beginOfText }
                if value["eos"]?.boolValue == true { return .endOfText }
                if let token = value["token"]?.stringValue { return .token(token) }
                throw FledgeError(
                    .configuration, "The slot \(value.serialized()) of \(key) is not known.")
            }
        }
        func texts(_ key: String) -> [String]? {
            row[key]?.arrayValue?.compactMap(\.stringValue)
        }
        self.init(
            row["name"]?.stringValue ?? "", prefix: try slots("prefix") ?? [],
            system: try slots("system"), user: try slots("user"),
            assistant: try slots("assistant"), function: try slots("function"),
            observation: try slots("observation"),
            usesEfficientEnd: row["efficient_eos"]?.boolValue ?? false)
        if let separator = try slots("result_separator") { resultSeparator = separator }
        switch row["class"]?.stringValue {
        case nil: family = .plain
        case "llama2": family = .llama2
        case "reasoning": family = .reasoning
        case "reasoning_glm47": family = .reasoningGLM47
        case let other?:
            throw FledgeError(.configuration, "The template class \(other) is not known.")
        }
        if let name = row["function_format"]?.stringValue { functionFormat.rawValue = name }
        if let name = row["tools_format"]?.stringValue { toolsFormat.rawValue = name }
        toolsSlot = texts("tools_slots")?.first
        referenceFunction = try slots("reference_function")
        referenceObservation = try slots("reference_observation")
        if let words = texts("call_thoughts"), words.count == 3 {
            callThoughts = CallThoughts(
                words: Words(open: words[0], close: words[1]), empty: words[2])
        }
        defaultSystem = row["default_system"]?.stringValue ?? ""
        stopWords = texts("stop_words") ?? []
        if let words = texts("thought_words"), words.count == 2 {
            thoughtWords = Words(open: words[0], close: words[1])
        }
        if let words = texts("tool_call_words"), words.count == 2 {
            toolCallWords = Words(open: words[0], close: words[1])
        }
        replacesEnd = row["replace_eos"]?.boolValue ?? false
        replacesJinja = row["replace_jinja_template"]?.boolValue ?? false
        if let value = row["enable_thinking"] { enablesThinking = value.boolValue }
        preservesThinking = row["preserve_thinking"]?.boolValue ?? false
    }
}
