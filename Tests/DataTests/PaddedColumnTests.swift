import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Members that columnar files only pad with (`padded_columns.py`).
@Suite struct PaddedColumnTests {
    private func source(
        _ name: String, _ quirks: ReferenceQuirks = [], inAnyOrder: Bool = false
    ) throws -> DatasetSource {
        let entry: JSONValue = [
            "file_name": .string(ReferenceFiles.root + "/Tests/DataTests/Fixtures/padded/" + name),
            "formatting": "openai", "columns": ["messages": "messages", "tools": "tools"],
        ]
        return try DatasetSource(
            DatasetDescription(name: "padded", json: entry, folder: "", file: "info"),
            readsInAnyOrder: inAnyOrder, quirks: quirks)
    }

    @Test(arguments: ["padded.parquet", "padded.arrow"])
    func nullsThatPadAreNotThere(name: String) throws {
        for inAnyOrder in [false, true] {
            let source = try source(name, inAnyOrder: inAnyOrder)
            let first = try source.sample(at: 0)
            #expect(
                first.prompt[1].content
                    == #"[{"name": "sun", "arguments": {"city": "Rome"}}, {"name": "rain", "arguments": {"day": 2}}]"#
            )
            #expect(
                first.tools
                    == #"[{"type": "function", "function": {"name": "sun", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}, {"type": "function", "function": {"name": "rain", "parameters": {"type": "object", "properties": {"day": {"type": "integer", "minimum": 0}}}}}]"#
            )
            #expect(first.unread.isEmpty && first.prompt[1].thought == nil)
            let second = try source.sample(at: 1)
            #expect(second.response[0].thought == "Easy." && second.response[0].weight == 0.5)
            #expect(second.tools.isEmpty && second.unread.isEmpty)
        }
    }

    @Test func theReferenceKeepsThem() throws {
        let sample = try source("padded.parquet", .columnarPadding).sample(at: 0)
        #expect(sample.prompt[1].content.contains(#""arguments": {"city": "Rome", "day": null}"#))
        #expect(sample.tools.contains("null"))
        let all = try source("padded.parquet", .all).sample(at: 0)
        #expect(all.tools.contains("null") && all.prompt[1].thought == nil)
    }

    @Test func nullsOfOtherFilesAreTheUsers() throws {
        let row =
            #"{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"b": null}}}]}]}"#
        let sample = try MessageMemberTests.align(row, MessageMemberTests.Form.openai.entry)
        #expect(sample.response[0].content == #"[{"name": "f", "arguments": {"b": null}}]"#)
    }

    @Test func columnsBesideThoseThatAreReadAreNamed() throws {
        var options = DatasetOptions()
        let entry: JSONValue = [
            "file_name": .string(
                ReferenceFiles.root + "/Tests/DataTests/Fixtures/padded/beside.parquet"),
            "formatting": "openai", "columns": ["messages": "messages"],
        ]
        options.entries = ["beside": entry]
        options.names = ["beside"]
        let faults = try DatasetLoader(options).load().faults
        #expect(faults.map(\.code) == [.unreadColumn, .unreadColumn])
        #expect(faults[0].message.contains("column tools") && faults[0].count == 1)
        #expect(faults[1].message.contains("column context") && faults[1].places[0].line == 1)
        #expect(try DatasetStream(options).faults() == faults)
    }
}
