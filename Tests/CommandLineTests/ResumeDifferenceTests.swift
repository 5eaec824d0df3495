import Fledge
import FledgeTesting
import Foundation
import Testing

/// What a run was made of and the one that resumes it is not, under whatever names it lies.
@Suite("Differences on resuming", .commandIsBuilt)
struct ResumeDifferenceTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun("max_steps: 2")
    }

    private func train(_ words: [String]) throws -> Outcome {
        try CommandRun(["train", "run.yaml"] + words, in: project.path).wait()
    }

    /// Trains, changes something, and expects that the run is not gone on with, until it is allowed.
    private func expectRefusal(
        _ first: [String], _ second: [String], _ words: String, allowing key: String?,
        _ change: () throws -> Void = {}
    ) throws {
        let begun = try train(first)
        #expect(begun.status == 0, "\(begun.errors)")
        let same = try train(first + ["max_steps=3"])
        #expect(same.status == 0, "\(same.errors)")
        try change()
        let outcome = try train(second + ["max_steps=4"])
        #expect(outcome.status == 2 && outcome.isClearFailure, "\(words): \(outcome.errors)")
        #expect(outcome.errors.contains(words), "\(outcome.errors)")
        guard let key else {
            #expect(outcome.errors.contains("no allow_changed helps"), "\(outcome.errors)")
            return
        }
        #expect(outcome.errors.contains("allow_changed: [\(key)"), "\(outcome.errors)")
        let allowed = try train(second + ["max_steps=4", "allow_changed=all"])
        #expect(allowed.status == 0, "\(allowed.errors)")
        #expect(allowed.errors.contains(words), "\(allowed.errors)")
    }

    private func describe(_ change: (inout JSONValue) -> Void) throws {
        let path = project.file("data/dataset_info.json")
        var catalog = try JSONValue(contentsOf: path)
        change(&catalog)
        try AtomicFile.write(catalog.serialized(), to: path)
    }

    @Test func anotherFileUnderTheName() throws {
        try expectRefusal([], [], "dataset: tiny has other content", allowing: "dataset") {
            try describe { $0["tiny"]?["file_name"] = "other.json" }
        }
    }

    @Test func anotherDescription() throws {
        try expectRefusal([], [], "dataset: tiny has other content", allowing: "dataset") {
            try describe { $0["tiny"]?["columns"]?["prompt"] = "output" }
        }
    }

    @Test func anotherFileInTheFolder() throws {
        try Folder.create(project.file("data/many"))
        let rows = try project.bytes("data/tiny.json")
        try Data(rows).write(to: URL(fileURLWithPath: project.file("data/many/a.json")))
        try describe { catalog in
            catalog["many"] = catalog["tiny"]
            catalog["many"]?["file_name"] = "many"
        }
        let words = ["dataset=many"]
        try expectRefusal(words, words, "dataset: many has other content", allowing: "dataset") {
            try Data(rows).write(to: URL(fileURLWithPath: project.file("data/many/b.json")))
        }
    }

    @Test func anAdapterThatWasNotThere() throws {
        #expect(try train(["output_dir=first"]).status == 0)
        try expectRefusal(
            [], ["adapter_name_or_path=first"],
            "adapter_name_or_path 1 is there, and was not before", allowing: "adapter_name_or_path")
    }

    @Test func anAdapterThatIsGone() throws {
        #expect(try train(["output_dir=first"]).status == 0)
        try expectRefusal(
            ["adapter_name_or_path=first", "create_new_adapter=true"], ["create_new_adapter=true"],
            "adapter_name_or_path 1 was there, and no longer is", allowing: "adapter_name_or_path")
    }

    @Test func otherTokenisedRows() throws {
        #expect(try train(["output_dir=b", "dataset=other", "tokenized_path=tokB"]).status == 0)
        try expectRefusal(
            ["tokenized_path=tok"], ["tokenized_path=tokB"],
            "tokenized_path holds other rows than before", allowing: "tokenized_path")
    }

    @Test func tokenisedRowsOfTheSameDataAreTheSame() throws {
        #expect(try train([]).status == 0)
        for words in [["tokenized_path=tok"], [], ["tokenized_path=other"]] {
            let steps = "max_steps=\(words.count + 3 + (words.last?.count ?? 0))"
            let outcome = try train(words + [steps])
            #expect(outcome.status == 0, "\(words): \(outcome.errors)")
        }
        // Without the data the rows say what they are made of; others do not.
        #expect(try train(["output_dir=b", "dataset=other", "tokenized_path=tokB"]).status == 0)
        let foreign = try train(["tokenized_path=tokB", "max_steps=40"])
        #expect(foreign.status == 2, "\(foreign.errors)")
    }

    @Test func checkpointsWithoutARecordTellTheirPaths() throws {
        try TinyProject.writeModel(to: project.file("model2"))
        #expect(try train([]).status == 0)
        for folder in ["out", "out/checkpoint-2"] {
            try FileManager.default.removeItem(atPath: project.file(folder + "/fledge_run.json"))
        }
        try unlist("fledge_run.json", in: "out/checkpoint-2")
        let other = try train(["model_name_or_path=model2", "max_steps=4"])
        #expect(other.status == 2, "\(other.errors)")
        #expect(other.errors.contains("model_name_or_path was \"model\""), "\(other.errors)")
        let spelled = try train(["model_name_or_path=./data/../model/", "max_steps=4"])
        #expect(spelled.status == 0, "\(spelled.errors)")
        // The run goes on as its own from there.
        try FileManager.default.removeItem(atPath: project.file("out/checkpoint-4"))
        let again = try train(["max_steps=5"])
        #expect(again.errors.contains("after step 2."), "\(again.errors)")
    }

    private func unlist(_ name: String, in folder: String) throws {
        let path = project.file(folder + "/manifest.json")
        let files = try JSONValue(contentsOf: path)["files"]?.members ?? []
        try AtomicFile.write(
            JSONValue.object([.init("files", .object(files.filter { $0.key != name }))])
                .serialized(), to: path)
    }

    @Test func formsThatNoPermissionChanges() throws {
        for word in ["finetuning_type=full", "lora_rank=4", "lora_target=q_proj"] {
            try expectRefusal(
                ["output_dir=\(word)"], ["output_dir=\(word)", word, "allow_changed=all"],
                "\(word.prefix { $0 != "=" }) was", allowing: nil)
        }
    }

    @Test func spellingsAreNoDifferences() throws {
        let words = ["dataset=data/tiny.json", "lora_target=q_proj,v_proj"]
        #expect(try train(words).status == 0)
        let spelled = try train([
            "dataset=\(project.file("data/tiny.json"))", "lora_target=v_proj,q_proj",
            "model_name_or_path=\(project.file("model"))", "max_steps=4",
        ])
        #expect(spelled.status == 0, "\(spelled.errors)")
        #expect(!spelled.errors.contains(" was "), "\(spelled.errors)")
        let other = try train([
            "dataset=data/other.json", "lora_target=q_proj,v_proj", "max_steps=6",
        ])
        #expect(other.status == 2, "\(other.errors)")
    }

    @Test func foldersInsideOfWhatTheyAreMadeOf() throws {
        let inside = ["output_dir=model/out"]
        #expect(try train(inside).status == 0)
        #expect(try train(inside + ["max_steps=4"]).status == 0)
        let second = ["adapter_name_or_path=model/out", "output_dir=model/out/second"]
        #expect(try train(second).status == 0)
        #expect(try train(second + ["max_steps=4"]).status == 0)
        #expect(try train(inside + ["max_steps=6"]).status == 0)
    }

    @Test func anotherTemplateOfTheModel() throws {
        func write(_ answer: String, _ system: String = "") throws {
            try project.write(
                "{% for m in messages %}<|im_start|>{{ m.role }}\n"
                    + "{% if m.role == 'assistant' %}\(answer){% else %}"
                    + "{% if m.role == 'system' %}\(system){% endif %}{{ m.content }}<|im_end|>\n"
                    + "{% endif %}{% endfor %}"
                    + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
                to: "model/chat_template.jinja")
        }
        let whole = "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}\n"
        let words = ["template=model"]
        try write(whole)
        try expectRefusal(words, words, "template or tokenizer write", allowing: "template") {
            try write("{% generation %}{{ m.content }}{% endgeneration %}<|im_end|>\n")
        }
        // A branch that no row without a system text sees.
        try FileManager.default.removeItem(atPath: project.file("out"))
        try write(whole)
        try expectRefusal(words, words, "template or tokenizer write", allowing: "template") {
            try write(whole, "Note: ")
        }
    }

    @Test func aNamedTemplateOfAnotherTokenizer() throws {
        try expectRefusal([], [], "template or tokenizer write", allowing: "template") {
            let path = project.file("model/tokenizer.json")
            var json = try JSONValue(contentsOf: path)
            json["normalizer"] = ["type": "Lowercase"]
            try AtomicFile.write(json.serialized(), to: path)
        }
    }
}
