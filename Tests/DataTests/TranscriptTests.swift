import FledgeColumnar
import FledgeCore
import FledgeData
import FledgeTokenize
import Testing

/// Pairs that are whole dialogues in one text each, as HH-RLHF has them.
@Suite struct TranscriptTests {
    private let folder = TestFolder()

    private static let entry: JSONValue = [
        "file_name": "rows.jsonl", "ranking": true,
        "columns": ["chosen": "chosen", "rejected": "rejected"],
    ]

    private func row(_ chosen: String, _ rejected: String, _ more: JSONValue = [:]) -> String {
        var row: JSONValue = ["chosen": .string(chosen), "rejected": .string(rejected)]
        for member in more.members ?? [] { row[member.key] = member.value }
        return row.serialized()
    }

    private func load(
        _ rows: String..., entry: JSONValue? = entry, quirks: ReferenceQuirks = []
    ) throws -> LoadedDatasets {
        let path = try folder.write(rows.joined(separator: "\n"), "rows.jsonl")
        var options = DatasetOptions()
        options.folder = folder.path
        options.names = [entry == nil ? path : "hh"]
        options.entries = .object(entry.map { [.init("hh", $0)] } ?? [])
        (options.usesRanking, options.quirks) = (true, quirks)
        return try DatasetLoader(options).load()
    }

    private static let opening =
        "\n\nHuman: What is it?\nTell me.\n\nAssistant: A bird: small.\n\nHuman: Which one?\n\nAssistant:"

    @Test(arguments: [entry, nil]) func whatBothBeginWithIsTheQuestion(entry: JSONValue?) throws {
        let loaded = try load(
            row(Self.opening + " A wren.", Self.opening + " Who\n\ncares?\n"), entry: entry)
        let sample = loaded.train[0]
        #expect(sample.fault == nil && sample.answerFault == nil)
        #expect(
            sample.prompt == [
                Message(.user, "What is it?\nTell me."), Message(.assistant, "A bird: small."),
                Message(.user, "Which one?"),
            ])
        #expect(
            sample.response == [
                Message(.assistant, "A wren."), Message(.assistant, "Who\n\ncares?"),
            ])
        #expect(sample.unread.isEmpty)
        #expect(loaded.notes.count == 1 && loaded.notes[0].contains("whole dialogues"))
    }

    @Test func streamsReadThemAlike() throws {
        let text = row(Self.opening + " A wren.", Self.opening + " No.")
        let expected = try load(text, text)
        let path = try folder.write(text + "\n" + text, "rows.jsonl")
        let description = try DatasetDescription(
            name: "hh", json: Self.entry, folder: folder.path + "/", file: "info")
        let source = try DatasetSource(description, readsInAnyOrder: true)
        #expect(path.hasSuffix("rows.jsonl"))
        #expect(try source.sample(at: 1).prompt == expected.train[1].prompt)
        #expect(try source.sample(at: 1).response == expected.train[1].response)
    }

    @Test(arguments: [
        ("\n\nHuman: a\n\nAssistant: b\n\nHuman: c", "ends with Human"),
        ("\n\nHuman: a\n\nAssistant: b\n\nAssistant: c", "Assistant speaks twice"),
        ("\n\nHuman: a\n\nHuman: b\n\nAssistant: c", "Human speaks twice"),
        ("\n\nHuman: z\n\nAssistant: b", "are not the same"),
    ])
    func whatIsNoQuestionWithAnAnswerIsNamed(rejected: String, words: String) throws {
        let sample = try load(row("\n\nHuman: a\n\nAssistant: b", rejected)).train[0]
        #expect(sample.response.isEmpty)
        #expect(sample.answerFault?.contains(words) == true, "\(sample.answerFault ?? "")")
        #expect(sample.answerFault?.contains("rejected") == true)
    }

    /// A question of its own, a side that is no dialogue, and what the reference makes of it.
    @Test func otherTextsStayWhatTheyAre() throws {
        let text = "\n\nHuman: a\n\nAssistant: b"
        var asked = Self.entry
        asked["columns"]?["prompt"] = "prompt"
        for sample in [
            try load(row(text, text + "c", ["prompt": "q"]), entry: asked).train[0],
            try load(row(text, "c")).train[0], try load(row("c", text)).train[0],
            try load(row("Human: a", "Human: b")).train[0],
            try load(row(text, text + "c"), quirks: .messageMembers).train[0],
        ] {
            #expect(sample.prompt.count == 1 && sample.response.count == 2)
            #expect(sample.response.contains { $0.content == text || $0.content == "Human: a" })
        }
        #expect(try load(row(text, "c")).notes.isEmpty)
        // An empty question is none.
        let empty = try load(row(text, text + "c", ["prompt": ""]), entry: asked).train[0]
        #expect(empty.prompt == [Message(.user, "a")])
        #expect(empty.response.map(\.content) == ["b", "bc"])
    }
}
