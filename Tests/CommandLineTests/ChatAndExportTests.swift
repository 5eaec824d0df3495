import Fledge
import FledgeTesting
import Foundation
import Testing

@Suite("fledge chat and export", .commandIsBuilt)
struct ChatAndExportTests {
    private let project: TinyProject
    private let questions = "tiny 1?\ntiny 2?\ntiny 1?\n"

    init() throws {
        project = try TinyProject()
        try project.writeRun()
    }

    private func train() throws {
        #expect(try fledge("train", "run.yaml", in: project.path).status == 0)
    }

    private func replies(_ outcome: Outcome) throws -> [JSONValue] {
        try outcome.lines.map { try JSONValue(parsing: $0) }
    }

    private func ids(_ arguments: String...) throws -> [[Int]] {
        let outcome = try CommandRun(
            ["chat"] + arguments + ["--json", "--single"], in: project.path,
            input: Array(questions.utf8)
        ).wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try replies(outcome).map { $0["ids"]?.arrayValue?.compactMap(\.intValue) ?? [] }
    }

    @Test func everyLineIsAQuestion() throws {
        let outcome = try fledge("chat", "run.yaml", "--json", in: project.path, input: questions)
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("out holds no trained adapter; this is the base model."))
        let replies = try replies(outcome)
        #expect(replies.count == 3)
        for reply in replies {
            #expect(reply.members?.map(\.key) == ["ids", "text", "finish_reason"])
            let count = reply["ids"]?.arrayValue?.count ?? 0
            let reason = reply["finish_reason"]?.stringValue
            #expect(reason == "stop" ? count <= 8 : reason == "length" && count == 8)
        }
        let plain = try fledge("chat", "run.yaml", in: project.path, input: "tiny 1?\n")
        #expect(plain.output == (replies[0]["text"]?.stringValue ?? "") + "\n")
        // A last line may lack its end; nothing asks for nothing.
        let open = try fledge("chat", "run.yaml", in: project.path, input: "tiny 1?")
        #expect(open.output == plain.output)
        #expect(try fledge("chat", "run.yaml", in: project.path).output.isEmpty)
    }

    @Test func singleForgetsBetweenLines() throws {
        let single = try fledge(
            "chat", "run.yaml", "--single", "--json", in: project.path, input: questions)
        #expect(single.lines.count == 3 && single.lines[0] == single.lines[2])
        let dialogue = try fledge(
            "chat", "run.yaml", "--json", in: project.path, input: questions)
        #expect(dialogue.lines[0] == single.lines[0])
        #expect(dialogue.lines[2] != single.lines[2])
    }

    @Test func toolsAreOfferedAndChecked() throws {
        try project.write(
            #"[{"name": "weather", "description": "Tells it.", "parameters": {}}]"#,
            to: "tools.json")
        let arguments = ["chat", "run.yaml", "tool_format=mistral", "--json", "--single"]
        func run(_ more: String...) throws -> Outcome {
            try CommandRun(arguments + more, in: project.path, input: Array(questions.utf8)).wait()
        }
        let (with, without) = (try run("--tools", "tools.json"), try run())
        #expect(with.status == 0 && without.status == 0, "\(with.errors)")
        let replies = try replies(with)
        #expect(replies.count == 3)
        for reply in replies {
            #expect(reply.members?.map(\.key) == ["ids", "text", "finish_reason", "calls"])
            #expect(reply["calls"]?.arrayValue == [])
        }
        // The model reads other questions.
        let ids = try self.replies(without).map { $0["ids"] }
        #expect(ids.count == 3 && ids != replies.map { $0["ids"] })

        let missing = try run("--tools", "nothing.json")
        #expect(missing.isClearFailure && missing.errors.contains("nothing.json"))
        for (text, part) in [("{}", "an object"), ("[", "tools.json"), ("[{}]", "with a name")] {
            try project.write(text, to: "tools.json")
            let wrong = try run("--tools", "tools.json")
            #expect(wrong.isClearFailure && wrong.errors.contains(part), "\(wrong.errors)")
        }
    }

    @Test func greedyAnswersAreThoseOfTheLibrary() throws {
        try train()
        let configuration = try RunConfiguration(
            yaml: """
                model_name_or_path: \(project.file("model"))
                adapter_name_or_path: \(project.file("out"))
                template: chatml
                do_sample: false
                max_new_tokens: 8
                """, file: "chat.yaml", purpose: .inference)
        let text = try TextSide(configuration)
        // The adapter stays in its slot here; the command merges it.
        let model = try Checkpoint(path: project.file("model")).causalLM(storing: .float32)
        _ = try model.attachAdapter(folder: project.file("out"))
        var expected: [[Int]] = []
        for question in ["tiny 1?", "tiny 2?", "tiny 1?"] {
            var session = ChatSession(configuration, text, model)
            expected.append(try session.ask(question).ids.map(Int.init))
        }
        #expect(try ids("run.yaml") == expected)
        let chat = try fledge("chat", "run.yaml", in: project.path)
        #expect(chat.errors.contains("Using the adapter in out."))
        #expect(!chat.errors.contains("counts twice"))
        #expect(try ids("run.yaml", "output_dir=elsewhere") != expected)
        // What was exported holds the adapter already.
        _ = try fledge("export", "run.yaml", "export_dir=merged", in: project.path)
        let merged = try fledge("chat", "run.yaml", "model_name_or_path=merged", in: project.path)
        #expect(merged.errors.contains("not on merged; if it has been merged into that"))
    }

    @Test func aRunThatHasNotEndedIsAnsweredByItsNewestCheckpoint() throws {
        try train()
        let finished = try ids("run.yaml")
        try FileManager.default.removeItem(atPath: project.file("out/adapter_config.json"))
        let chat = try fledge("chat", "run.yaml", in: project.path, input: questions)
        #expect(chat.errors.contains("Using the adapter in out/checkpoint-18, since the run"))
        #expect(try ids("run.yaml") == finished)
    }

    @Test func anAdapterThatWasTrainedOnIsTakenFromOutput() throws {
        try train()
        let more = ["adapter_name_or_path=out", "output_dir=next"]
        #expect(
            try CommandRun(["train", "run.yaml"] + more, in: project.path).wait().status == 0)
        let chat = try CommandRun(["chat", "run.yaml"] + more, in: project.path).wait()
        #expect(chat.errors.contains("Using the adapter in next."), "\(chat.errors)")
        let next = try ids("run.yaml", "output_dir=next", "adapter_name_or_path=out")
        #expect(try ids("run.yaml", "do_train=false", "adapter_name_or_path=next") == next)
    }

    @Test func anExportedFolderIsCompleteAndAnswersTheSame() throws {
        try train()
        let export = try fledge("export", "run.yaml", "export_dir=merged", in: project.path)
        #expect(export.status == 0, "\(export.errors)")
        #expect(export.errors.contains("Merging out."))
        #expect(
            project.names("merged") == [
                "Modelfile", "chat_template.jinja", "config.json", "generation_config.json",
                "model.safetensors",
                "tokenizer.json", "tokenizer_config.json",
            ])
        let modelfile = String(decoding: try project.bytes("merged/Modelfile"), as: UTF8.self)
        #expect(modelfile.contains("PARAMETER stop \"<|im_end|>\""))
        #expect(
            try ids(
                "model_name_or_path=merged", "template=chatml", "do_sample=false",
                "max_new_tokens=8")
                == ids("run.yaml"))
        // What it wrote itself it may write again, with the same bytes.
        let first = try project.snapshot()
        #expect(try fledge("export", "run.yaml", "export_dir=merged", in: project.path).status == 0)
        #expect(try project.snapshot() == first)
    }

    @Test func shardsAndTypes() throws {
        #expect(
            try fledge(
                "export", "run.yaml", "export_dir=half", "infer_dtype=float16", in: project.path
            ).status == 0)
        let written = try JSONValue(contentsOf: project.file("half/config.json"))
        #expect((written["dtype"] ?? written["torch_dtype"])?.stringValue == "float16")
        #expect(try ids("model_name_or_path=half", "template=chatml", "do_sample=false").count == 3)
    }
}
