import FledgeCore

/// Names of members and columns that nothing reads, with the reason why that does no harm.
///
/// It is the only such list. What is neither read nor listed here, and holds something, is a fault of the
/// data (``DataFault/Code/unreadMember``, ``DataFault/Code/unreadColumn``): it may be what somebody
/// wanted the model to learn.
enum KnownNames {
    /// Reasons and the names that they hold for, in rows as well as in messages.
    private static let reasons: [(reason: String, names: [String])] = [
        (
            "tells rows apart",
            [
                "id", "_id", "ids", "idx", "index", "uid", "uuid", "qid", "pid", "cid", "guid",
                "key",
                "hash", "sha1", "sha256", "md5", "__index_level_0__", "Unnamed: 0", "pubid",
            ]
        ),
        (
            "tells where a row is from",
            [
                "source", "sources", "origin", "provenance", "dataset", "dataset_name",
                "data_source", "url", "urls", "link", "file", "filename", "file_name", "path",
                "file_path", "repo", "repo_name", "author", "license", "licence", "copyright",
                "site", "subreddit", "generator", "model", "model_name", "annotator", "created_by",
                "generated_by", "hyperlink",
            ]
        ),
        (
            "tells when something was written",
            [
                "timestamp", "date", "time", "created", "created_at", "updated_at", "create_time",
                "update_time", "crawl_date", "year",
            ]
        ),
        (
            "sorts rows into kinds",
            [
                "category", "categories", "topic", "topics", "type", "kind", "task", "tasks",
                "task_type", "task_name", "subject", "subset", "split", "lang", "language",
                "languages", "tag", "tags", "difficulty", "level", "domain", "field", "intent",
                "skill", "style", "genre", "cluster", "keywords",
            ]
        ),
        (
            "judges a row and is no part of it",
            [
                "score", "scores", "rating", "ratings", "quality", "rank", "votes", "upvotes",
                "likes", "perplexity", "similarity", "confidence", "toxicity", "score_chosen",
                "score_rejected", "chosen_score", "rejected_score", "chosen_rating",
                "rejected_rating", "chosen_model", "rejected_model", "reward",
            ]
        ),
        (
            "counts what is there",
            [
                "length", "tokens", "token_count", "num_tokens", "n_tokens", "num_turns", "n_turns",
                "turns", "char_count", "word_count", "turn", "position",
            ]
        ),
        (
            "tells about the row, not what is said in it",
            [
                "meta", "metadata", "extra_info", "additional_info", "version", "schema",
                "language_id",
            ]
        ),
    ]

    /// The same for messages alone.
    private static let messageReasons: [(reason: String, names: [String])] = [
        (
            "tells which call a result answers, which the order of messages tells too",
            ["tool_call_id", "call_id"]
        ),
        (
            "records how an interface answered",
            [
                "finish_reason", "stop_reason", "stop_sequence", "logprobs", "usage", "status",
                "object", "end_turn", "cache_control", "signature", "is_error", "parent",
                "children",
            ]
        ),
    ]

    /// Row by row the same question: what is harmless and what is not need be found quickly.
    private static let rows = table(reasons)
    private static let messages = table(reasons + messageReasons)

    private static func table(_ lists: [(reason: String, names: [String])]) -> [String: String] {
        var table = [String: String]()
        for list in lists { for name in list.names { table[name] = list.reason } }
        return table
    }

    /// Why a column that nothing reads does no harm; nil where that is not known.
    static func reason(column name: String) -> String? {
        rows[name] ?? identifier(name)
    }

    /// Why a member of a message that nothing reads does no harm.
    ///
    /// - Parameter isResult: Whether the message is the result of a tool.
    static func reason(member name: String, isResult: Bool) -> String? {
        if isResult, name == "name" { return "names the tool, which the call before names too" }
        return messages[name] ?? identifier(name)
    }

    private static func identifier(_ name: String) -> String? {
        name.utf8.suffix(3).elementsEqual("_id".utf8) ? "tells rows apart" : nil
    }

    /// Whether a column that nothing reads may be a part of the dialogue, or say what of it is to be
    /// learned.
    static func isWorthReading(_ member: JSONValue.Member) -> Bool {
        switch member.value {
        case .bool, .integer, .largeInteger, .number:
            // Numbers and truth values are no part of a dialogue, whatever they are called.
            guard concernsLearning(member.key) else { return false }
        default: if member.value.isNothing { return false }
        }
        return reason(column: member.key) == nil
    }

    private static func concernsLearning(_ name: String) -> Bool {
        let lowered = name.lowercased()
        return ["mask", "loss", "train", "weight", "learn"].contains { lowered.contains($0) }
    }
}

extension JSONValue {
    /// Whether nothing is there: null, and texts, arrays and objects without anything in them.
    var isNothing: Bool {
        switch self {
        case .null: true
        case .string(let text): text.isEmpty
        case .array(let items): items.allSatisfy(\.isNothing)
        case .object(let members): members.allSatisfy { $0.value.isNothing }
        default: false
        }
    }
}
