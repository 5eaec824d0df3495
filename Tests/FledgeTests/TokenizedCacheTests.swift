import Fledge
import FledgeTesting
import Foundation
import Testing

/// Tokenised data that are kept: in a folder of the user's choice, and in the cache.
@Suite struct TokenizedCacheTests {
    private let project: TinyProject
    private let cache: TokenizedCache

    init() throws {
        project = try TinyProject()
        var cache = TokenizedCache(path: project.file("cache"))
        cache.leastBytes = 0
        self.cache = cache
    }

    private func configuration(_ more: [String]) throws -> RunConfiguration {
        let yaml = """
            model_name_or_path: \(project.path)/model
            template: chatml
            dataset_dir: \(project.path)/data
            dataset: tiny
            do_train: true
            output_dir: \(project.path)/out
            val_size: 3
            save_strategy: no
            """
        return try RunConfiguration(
            yaml: yaml, file: "run.yaml", overrides: more, purpose: .training, environment: [:])
    }

    private func data(_ more: String..., cache: TokenizedCache? = nil) throws -> StageData<
        PackedRow
    > {
        try data(configuration(more), cache: cache ?? self.cache)
    }

    private func data(
        _ configuration: RunConfiguration, cache: TokenizedCache?
    ) throws -> StageData<PackedRow> {
        let text = try TextSide(configuration)
        return try StageData(
            configuration, text, SupervisedFineTuning().recipe(configuration, text), threads: 2,
            cache: cache)
    }

    private var kept: Set<String> {
        let names = (try? Folder.names(in: cache.path)) ?? []
        return Set(names.filter { Folder.exists(cache.path + "/" + $0) })
    }

    /// Expects the same samples, report and faults, without printing them.
    private func expectSame(
        _ a: StageData<PackedRow>, _ b: StageData<PackedRow>,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let isSame =
            Array(a.known) == Array(b.known) && a.report == b.report && a.faults == b.faults
            && a.packedLength == b.packedLength
            && a.evaluations.map { Array($0.rows) } == b.evaluations.map { Array($0.rows) }
            && a.evaluations.map(\.name) == b.evaluations.map(\.name)
        if !isSame { Issue.record("the data differ", sourceLocation: sourceLocation) }
    }

    @Test func theSecondRunTakesWhatTheFirstOneMade() throws {
        let first = try data()
        #expect(kept.count == 1 && first.notes.isEmpty)
        let second = try data()
        expectSame(first, second)
        #expect(second.notes.count == 1)
        #expect(second.notes[0].contains(try #require(kept.first)))
        let again = try data("overwrite_cache=true")
        expectSame(first, again)
        #expect(again.notes.isEmpty && kept.count == 1)
        let packed = try data("packing=true", "cutoff_len=128")
        #expect(kept.count == 2 && packed.packedLength == 129)
        expectSame(packed, try data("packing=true", "cutoff_len=128"))
    }

    @Test func whateverChangesIsMadeAnew() throws {
        let first = try data()
        var seen = kept
        func expectNew(_ what: String, _ more: String...) throws {
            let configuration = try configuration(more)
            let data = try data(configuration, cache: cache)
            #expect(data.notes.isEmpty && kept.count == seen.count + 1, "\(what)")
            seen = kept
        }
        try expectNew("template", "template=qwen")
        try expectNew("options", "cutoff_len=40")
        try expectNew("seed", "seed=7")
        try expectNew("system", "default_system=Be brief.")
        try expectNew("quirks", "reference_quirks=history_eos_labels")
        // The content counts, not the time of the file.
        let path = project.file("data/tiny.json")
        let bytes = try Data(contentsOf: URL(filePath: path))
        try bytes.write(to: URL(filePath: path))
        expectSame(first, try data())
        #expect(kept == seen)
        var text = String(decoding: bytes, as: UTF8.self)
        let letter = try #require(text.firstIndex(of: "e"))
        text.replaceSubrange(letter...letter, with: "i")
        try AtomicFile.write(text, to: path)
        try expectNew("data")
        // A special token more.
        let file = project.file("model/tokenizer.json")
        var tokenizer = try JSONValue(contentsOf: URL(filePath: file).path)
        let added = tokenizer["added_tokens"]?.arrayValue ?? []
        let id = try TokenizerFile.load(project.file("model")).vocabularyCount
        tokenizer["added_tokens"] = .array(
            added + [["id": .integer(id), "content": "<|new|>", "special": true]])
        try AtomicFile.write(tokenizer.serialized(), to: file)
        try expectNew("tokenizer")
    }

    @Test func damageIsMadeAnew() throws {
        let first = try data()
        let folder = cache.path + "/" + (try #require(kept.first))
        try AtomicFile.write("{", to: folder + "/fledge.json")
        let second = try data()
        expectSame(first, second)
        #expect(second.notes[0].contains("made anew"))
        #expect(try data().notes[0].contains("are those of"))
        try FileManager.default.removeItem(atPath: folder + "/train/extras.arrow")
        expectSame(first, try data())
    }

    @Test func whatCannotBeKeptIsNoError() throws {
        try AtomicFile.write("a file", to: project.file("file"))
        var blocked = cache
        blocked.path = project.file("file/cache")
        let data = try data(cache: blocked)
        #expect(data.train.count > 0 && data.notes[0].contains("not kept"))
        let configuration = try configuration([
            "streaming=true", "neat_packing=true", "val_size=0", "cutoff_len=60",
        ])
        let streamed = try self.data(configuration, cache: blocked)
        #expect(streamed.isStreamed)
        #expect(streamed.notes.contains { $0.contains("FLEDGE_CACHE") }, "\(streamed.notes)")
    }

    @Test func smallDataAreNotKept() throws {
        var usual = TokenizedCache(path: project.file("usual"))
        _ = try data(cache: usual)
        #expect(!Folder.exists(usual.path))
        usual.leastBytes = 0
        usual.mostBytes = 1
        for length in ["100", "90", "80"] { _ = try data("cutoff_len=\(length)", cache: usual) }
        // What was just made stays, whatever its size.
        #expect(try Folder.names(in: usual.path).count == 1)
        // Lengths of streams count like folders, and go with what belongs to them.
        for length in ["70", "60"] {
            _ = try data(
                "streaming=true", "neat_packing=true", "val_size=0", "cutoff_len=\(length)",
                cache: usual)
        }
        let names = try Folder.names(in: usual.path)
        #expect(names.count == 2 && names.allSatisfy { $0.contains(".lengths") })
    }

    @Test func rowsThatDoNotFitAreAnErrorFromTheCacheToo() throws {
        let lines = (0..<9).map {
            $0 == 4
                ? #"{"instruction": "x", "output": null}"#
                : #"{"instruction": "q\#($0)", "output": "a"}"#
        }
        let path = project.file("data/bad.jsonl")
        try AtomicFile.write(lines.joined(separator: "\n"), to: path)
        let bad = "dataset=\(path)"
        let allowed = try data(bad, "drop_invalid_rows=true", "val_size=0")
        #expect(allowed.report.dropped.count == 1 && kept.count == 1)
        let error = #expect(throws: FledgeError.self) { _ = try data(bad, "val_size=0") }
        #expect(error?.location?.line == 5)
        expectSame(allowed, try data(bad, "drop_invalid_rows=true", "val_size=0"))
        // A plan, which drops rows, and the run share what is kept.
        let clean = try data()
        expectSame(clean, try data("drop_invalid_rows=true"))
        #expect(kept.count == 2)
    }

    @Test func theFolderOfTheUserIsWrittenFromTheCacheToo() throws {
        let first = try data()
        let second = try data("tokenized_path=" + project.file("tokens"))
        expectSame(first, second)
        #expect(second.notes.count == 2)
        #expect(Folder.exists(project.file("tokens")))
    }

    // MARK: tokenized_path

    @Test func aFolderIsWrittenAndThenTaken() throws {
        let path = "tokenized_path=" + project.file("tokens")
        let first = try data(path)
        #expect(Folder.exists(project.file("tokens")))
        try FileManager.default.removeItem(atPath: project.file("data"))
        let second = try data(path, "dataset=gone", "val_size=0", "cutoff_len=9")
        expectSame(first, second)
        #expect(
            second.notes.count == 2
                && second.notes[1] == "They were made otherwise: cutoff_len was 2048 and is 9.",
            "\(second.notes)")
        expectSame(first, try data(path, "overwrite_cache=true"))
    }

    @Test func aRunFromTheFolderIsTheSame() throws {
        func adapter(_ folder: String, _ more: String...) throws -> Data {
            let run = [
                "output_dir=\(project.file(folder))", "num_train_epochs=1", "lora_dropout=0.3",
            ]
            try TrainingRecipe(configuration(run + more)).run()
            return try Data(
                contentsOf: URL(filePath: project.file(folder) + "/adapter_model.safetensors"))
        }
        let path = "tokenized_path=" + project.file("tokens")
        let plain = try adapter("plain", "neat_packing=true")
        #expect(try adapter("made", path, "neat_packing=true") == plain)
        #expect(try adapter("taken", path, "neat_packing=true") == plain)
        #expect(try adapter("taken-2", path, "seed=3", "neat_packing=true") != plain)
    }

    /// Rows that were written in one template are not trained on in another one without a word.
    @Test func anotherTemplateIsNamed() throws {
        let path = "tokenized_path=" + project.file("tokens")
        let first = try data(path, "template=chatml")
        let second = try data(path, "template=qwen", "enable_thinking=false")
        expectSame(first, second)
        let note = try #require(second.notes.last)
        #expect(
            note.hasPrefix("Warning: they were made otherwise: template was chatml and is qwen"))
        #expect(note.contains("enable_thinking was true and is false"))
        #expect(note.contains("another tokenized_path"))
        // A run says it, and a plan.
        var heard = [String]()
        try TrainingRecipe(
            configuration([path, "template=qwen", "max_steps=1"]), cache: cache
        ) { heard.append($0) }.run()
        #expect(heard.contains { $0.contains("template was chatml and is qwen") })
        let plan = RunPlanner(
            try configuration([path, "template=qwen"]), measures: false
        ).run()
        #expect(plan.notes.contains { $0.contains("template was chatml and is qwen") })
        // The same once more, and on another day, is no other template.
        #expect(try data(path, "template=chatml").notes.count == 1)
    }

    @Test func anotherTokenizerOrStageIsRefused() throws {
        let path = "tokenized_path=" + project.file("tokens")
        _ = try data(path)
        let stage = #expect(throws: FledgeError.self) { try data(path, "stage=pt") }
        #expect(stage?.message.contains("another stage: sft") == true)
        let template = #expect(throws: FledgeError.self) { try data(path, "template=gemma") }
        #expect(template?.code == .mismatch)
    }

    @Test func aPlanWritesNoFolderAndDroppedRowsHaveToBeAllowed() throws {
        let path = project.file("data/bad.jsonl")
        let lines = (0..<9).map {
            $0 == 4
                ? #"{"instruction": "x", "output": null}"#
                : #"{"instruction": "q\#($0)", "output": "a"}"#
        }
        try AtomicFile.write(lines.joined(separator: "\n"), to: path)
        let tokens = project.file("tokens")
        let keys = ["dataset=\(path)", "val_size=0", "tokenized_path=\(tokens)"]
        let plan = RunPlanner(try configuration(keys), measures: false).run()
        #expect(plan.faults.contains { $0.code == "dropped-rows" })
        #expect(!Folder.exists(tokens))
        let allowed = try data(keys[0], keys[1], keys[2], "drop_invalid_rows=true")
        #expect(allowed.report.dropped.count == 1 && Folder.exists(tokens))
        let error = #expect(throws: FledgeError.self) { _ = try data(keys[0], keys[1], keys[2]) }
        #expect(error?.code == .data && error?.location?.line == 5)
        expectSame(allowed, try data(keys[0], keys[1], keys[2], "drop_invalid_rows=true"))
    }

    @Test func streamedDataAreNotWritten() throws {
        let path = "tokenized_path=" + project.file("tokens")
        let error = #expect(throws: FledgeError.self) { try data(path, "streaming=true") }
        #expect(error?.message == "Turn off `streaming` when saving dataset to disk.")
        #expect(!Folder.exists(project.file("tokens")))
    }

    @Test func lengthsOfStreamsAreKeptUnderTheSameRules() throws {
        func lengths() throws -> [String] {
            try Folder.names(in: cache.path).filter { $0.hasSuffix(".lengths") }
        }
        let first = try data("streaming=true", "neat_packing=true", "val_size=0")
        #expect(try lengths().count == 1 && first.isStreamed && first.train.report == first.report)
        let second = try data("streaming=true", "neat_packing=true", "val_size=0")
        #expect(try lengths().count == 1)
        expectSame(first, second)
        _ = try data("streaming=true", "neat_packing=true", "val_size=0", "template=qwen")
        #expect(try lengths().count == 2)
    }

    @Test func theModelsOwnTemplateIsPartOfIt() throws {
        func write(_ end: String) throws {
            try AtomicFile.write(
                "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\(end)"
                    + "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
                to: project.file("model/chat_template.jinja"))
        }
        try write("\n")
        let first = try data()
        #expect(!first.summary.contains { $0.hasPrefix("Warning: ") })
        #expect(try data().summary[0].contains("are those of"))
        try write("!")
        let second = try data()
        #expect(second.summary.contains { $0.hasPrefix("Warning: ") }, "\(second.summary)")
        #expect(kept.count == 2)
    }

    @Test func rowsForEvaluationThatAreDroppedAreKeptInMind() throws {
        // Two rows of the same file to evaluate on, one of which does not fit.
        let rows: JSONValue = [
            ["instruction": "a?", "input": "", "output": "b", "system": "", "history": []],
            ["instruction": "c?", "input": "", "output": [1], "system": "", "history": []],
        ]
        try AtomicFile.write(rows.serialized(), to: project.file("data/other.json"))
        let words = ["eval_dataset=other", "val_size=0"]
        func dropped(_ more: String) throws -> StageData<PackedRow> {
            let configuration = try configuration(words + [more])
            return try data(configuration, cache: cache)
        }
        let first = try dropped("drop_invalid_rows=true")
        #expect(first.evaluationReport.dropped.count == 1)
        let second = try dropped("drop_invalid_rows=true")
        #expect(second.notes.first?.contains("are those of") == true)
        #expect(second.evaluationReport == first.evaluationReport)
        #expect(second.summary.contains { $0.contains("1 rows for evaluation are dropped") })
        #expect(throws: FledgeError.self) { try dropped("drop_invalid_rows=false") }
    }
}
