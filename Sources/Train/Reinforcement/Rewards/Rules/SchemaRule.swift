internal import FledgeCore

/// Gives 1 where the answer, or a fenced block in it, is JSON that a schema describes, else 0
/// (`type: json_schema`).
public struct SchemaRule: RewardRule {
    private let schema: JSONSchema

    /// Creates a rule.
    public init(_ schema: JSONSchema) { self.schema = schema }

    /// Whether something in the answer is what the schema describes.
    public func score(_ answer: JudgedAnswer) throws -> Double {
        for text in [answer.answer] + Self.fencedBlocks(of: answer.answer) {
            guard let value = try? JSONValue(parsing: text) else { continue }
            if try schema.describes(value) { return 1 }
        }
        return 0
    }

    /// What stands between lines of three backquotes, whatever follows the first of them.
    static func fencedBlocks(of text: String) -> [String] {
        // By bytes: Swift takes a carriage return with its line feed for one character.
        let (feed, space) = (UInt8(ascii: "\n"), UInt8(ascii: " "))
        let fence = Array("```".utf8)
        let lines = Array(text.utf8).split(separator: feed, omittingEmptySubsequences: false)
        let fences: [Int] = lines.indices.filter { index in
            lines[index].drop { $0 == space }.starts(with: fence)
        }
        var blocks: [String] = []
        for index in stride(from: 0, to: fences.count - 1, by: 2) {
            let inside = lines[(fences[index] + 1)..<fences[index + 1]]
            let bytes: [UInt8] = Array(inside.joined(separator: [feed]))
            blocks.append(String(decoding: bytes, as: UTF8.self))
        }
        return blocks
    }
}
