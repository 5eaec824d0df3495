package import FledgeCore

extension FledgeError.Location {
    /// File, line and column as a list.
    package var json: JSONValue {
        .array(
            [.string(file)] + [line, column].compactMap { $0.map { .integer($0) } })
    }

    /// Reads a list of file, line and column; nil when it is something else.
    package init?(_ json: JSONValue) {
        guard let parts = json.arrayValue, let file = parts.first?.stringValue else { return nil }
        self.init(
            file: file, line: parts.count > 1 ? parts[1].intValue : nil,
            column: parts.count > 2 ? parts[2].intValue : nil)
    }
}

extension DataReport {
    private static var lists: [(String, WritableKeyPath<DataReport, [FledgeError.Location]>)] {
        [
            ("truncated", \.truncated), ("unsupervised", \.unsupervised),
            ("equal_answers", \.equalAnswers), ("control_strings", \.controlStrings),
            ("unmarked", \.unmarked), ("switched_thinking", \.switchedThinking),
        ]
    }

    private static var numbers: [(String, WritableKeyPath<DataReport, Int>)] {
        [("rows", \.rowCount), ("tokens", \.tokenCount), ("supervised", \.supervisedCount)]
    }

    /// The report as it is kept beside tokenised data.
    package var json: JSONValue {
        var json: JSONValue = [
            "dropped": .array(dropped.map { [$0.source.json, .string($0.reason)] })
        ]
        for (name, path) in Self.numbers { json[name] = .integer(self[keyPath: path]) }
        for (name, path) in Self.lists { json[name] = .array(self[keyPath: path].map(\.json)) }
        return json
    }

    /// Reads what ``json`` gives; what is missing stays empty.
    package init(json: JSONValue) {
        self.init()
        for (name, path) in Self.numbers { self[keyPath: path] = json[name]?.intValue ?? 0 }
        for (name, path) in Self.lists {
            self[keyPath: path] = (json[name]?.arrayValue ?? []).compactMap {
                FledgeError.Location($0)
            }
        }
        dropped = (json["dropped"]?.arrayValue ?? []).compactMap { pair in
            guard let parts = pair.arrayValue, parts.count == 2,
                let place = FledgeError.Location(parts[0]), let reason = parts[1].stringValue
            else { return nil }
            return Dropped(source: place, reason: reason)
        }
    }
}

extension DataFault {
    /// The fault as it is kept beside tokenised data.
    package var json: JSONValue {
        [
            "code": .string(code.rawValue), "message": .string(message),
            "advice": .string(advice), "count": .integer(count),
            "places": .array(places.map(\.json)),
        ]
    }

    /// Reads what ``json`` gives; nil for a fault that is not known.
    package init?(json: JSONValue) {
        guard let code = json["code"]?.stringValue.flatMap(Code.init) else { return nil }
        self.init(
            code, json["message"]?.stringValue ?? "", advice: json["advice"]?.stringValue ?? "",
            places: (json["places"]?.arrayValue ?? []).compactMap { FledgeError.Location($0) },
            count: json["count"]?.intValue)
    }
}
