import Fledge
import FledgeTesting
import Foundation
import Testing

/// Folders that have seen more than one run, and runs that ended in another way than by their last step.
@Suite("Folders of several runs", .commandIsBuilt)
struct SeveralRunsTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun("max_steps: 4")
    }

    private func train(_ more: String...) throws -> Outcome {
        try CommandRun(["train", "run.yaml"] + more, in: project.path).wait()
    }

    /// Leaves an interrupted run of many steps in `out`.
    private func interrupt(_ more: String..., after lines: Int = 4) throws {
        let run = try CommandRun(
            ["train", "run.yaml", "max_steps=100000", "save_steps=2"] + more, in: project.path)
        run.wait(for: lines, in: project.file("out/trainer_log.jsonl"))
        run.signal(SIGINT)
        #expect(try run.wait().status != 0)
    }

    /// Changes a file of JSON, and the manifest of its checkpoint with it.
    private func edit(_ name: String, _ change: (inout JSONValue) -> Void) throws {
        var json = try JSONValue(contentsOf: project.file(name))
        change(&json)
        try AtomicFile.write(json.serialized(), to: project.file(name))
        guard !name.hasSuffix("/manifest.json") else { return }
        let folder = (name as NSString).deletingLastPathComponent
        let list = project.file(folder + "/manifest.json")
        guard FileManager.default.fileExists(atPath: list) else { return }
        var manifest = try JSONValue(contentsOf: list)
        var files = try #require(manifest["files"])
        let bytes = try project.bytes(name)
        files[(name as NSString).lastPathComponent] = [
            "bytes": .integer(bytes.count), "sha256": .string(SHA256.hexadecimal(of: bytes)),
        ]
        manifest["files"] = files
        try AtomicFile.write(manifest.serialized(), to: list)
    }

    @Test func checkpointsOfAnEarlierRunAreNotTaken() throws {
        try interrupt()
        let earlier = project.names("out").filter { $0.hasPrefix("checkpoint-") }
        let second = try train(
            "resume_from_checkpoint=false", "max_steps=3", "save_steps=1", "save_total_limit=1")
        #expect(second.status == 0, "\(second.errors)")
        #expect(second.errors.contains("checkpoints of an earlier run stay in the folder"))
        // A limit is one of the run's own checkpoints; the step that both saved is the second's.
        #expect(
            Set(earlier).subtracting(project.names("out")).subtracting(["checkpoint-2"]).isEmpty)
        let before = try project.snapshot()
        for words in [["max_steps=3"], ["max_steps=3", "resume_from_checkpoint=true"]] {
            let again = try CommandRun(["train", "run.yaml"] + words, in: project.path).wait()
            #expect(again.status == 0, "\(again.errors)")
            #expect(again.errors.contains("finished at step 3; nothing is left to do"))
            #expect(try project.snapshot() == before)
        }
        let chat = try fledge("chat", "run.yaml", in: project.path)
        #expect(chat.errors.contains("Using the adapter in out."), "\(chat.errors)")
        // Who names a checkpoint of the earlier run has it, and its folder is that run's again.
        let newest = try #require(
            earlier.max { $0.utf8.count == $1.utf8.count ? $0 < $1 : $0.utf8.count < $1.utf8.count }
        )
        let step = try #require(Int(newest.dropFirst("checkpoint-".count)))
        let named = try train(
            "resume_from_checkpoint=out/\(newest)", "max_steps=\(step + 1)", "save_steps=2")
        #expect(named.status == 0, "\(named.errors)")
        let further = try train("max_steps=\(step + 2)")
        #expect(further.errors.contains("after step \(step + 1)."), "\(further.errors)")
    }

    @Test func aRunThatSavedNothingLeavesTheOneBefore() throws {
        try interrupt()
        let killed = try CommandRun(
            ["train", "run.yaml", "resume_from_checkpoint=false", "max_steps=100000"],
            in: project.path)
        killed.wait(for: 1, in: project.file("out/trainer_log.jsonl"))
        usleep(50_000)
        killed.signal(SIGKILL)
        _ = try killed.wait()
        let newest = try #require(OutputFolder.newestCheckpoint(in: project.file("out")))
        #expect(FileManager.default.fileExists(atPath: newest))
        try edit("out/fledge_run.json") { $0["run"] = "of-nothing" }
        #expect(OutputFolder.newestCheckpoint(in: project.file("out")) != nil)
    }

    @Test func spoiledCheckpointsThatCannotBeMarkedEndNothing() throws {
        #expect(try train("save_steps=1").status == 0)
        for step in [3, 4] {
            let weights = "out/checkpoint-\(step)/adapter_model.safetensors"
            var bytes = try project.bytes(weights)
            bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
            try Data(bytes).write(to: URL(fileURLWithPath: project.file(weights)))
            // No file can be put where a folder is.
            try Folder.create(project.file("out/checkpoint-\(step)/spoiled.txt/x"))
            try edit("out/checkpoint-\(step)/manifest.json") { manifest in
                manifest["files"]?["adapter_model.safetensors"] = [
                    "bytes": .integer(bytes.count),
                    "sha256": .string(SHA256.hexadecimal(of: bytes)),
                ]
            }
        }
        let outcome = try CommandRun(
            ["train", "run.yaml", "max_steps=6"], in: project.path, shell: "ulimit -t 60"
        ).wait()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("after step 2."), "\(outcome.errors)")
    }

    @Test func whatARunDidNotWriteItDoesNotMark() throws {
        #expect(try train("save_steps=1", "max_steps=6").status == 0)
        let failed = try train(
            "overwrite_output_dir=true", "learning_rate=1e8", "finetuning_type=full",
            "lr_scheduler_type=constant", "save_steps=100")
        #expect(failed.status == 1 && failed.isClearFailure, "\(failed.errors)")
        for step in 1...6 {
            #expect(project.exists("out/checkpoint-\(step)/manifest.json"))
            #expect(!project.exists("out/checkpoint-\(step)/spoiled.txt"), "\(step)")
        }
    }

    @Test func weightsStayWhenTheLastEvaluationIsInterrupted() throws {
        let rows = (0..<4000).map { index -> JSONValue in
            [
                "instruction": .string("\(index)?"), "input": "", "output": "abcabcabcabcabcabc",
                "system": "", "history": [],
            ]
        }
        try project.write(JSONValue.array(rows).serialized(), to: "data/other.json")
        let words = ["save_strategy=no", "do_eval=true", "eval_dataset=other"]
        let run = try CommandRun(["train", "run.yaml"] + words, in: project.path)
        while run.isRunning, !project.exists("out/train_results.json") { usleep(1000) }
        run.signal(SIGINT)
        let first = try run.wait()
        try #require(first.status != 0, "the evaluation had ended: \(first.errors)")
        #expect(first.errors.contains("The weights of the last step are in out"), "\(first.errors)")
        let weights = try project.bytes("out/adapter_model.safetensors")
        let second = try CommandRun(
            ["train", "run.yaml", "learning_rate=5e-2"] + words, in: project.path
        ).wait()
        #expect(second.status == 2 && second.isClearFailure, "\(second.errors)")
        #expect(second.errors.contains("those of the last step"), "\(second.errors)")
        #expect(try project.bytes("out/adapter_model.safetensors") == weights)
    }

    @Test func earlyStoppingEndsARun() throws {
        let words = [
            "max_steps=20", "learning_rate=1e-30", "eval_dataset=other", "eval_strategy=steps",
            "eval_steps=2", "save_steps=2", "early_stopping_steps=1",
        ]
        func again(_ more: String...) throws -> Outcome {
            try CommandRun(["train", "run.yaml"] + words + more, in: project.path).wait()
        }
        let first = try again()
        #expect(first.status == 0)
        #expect(
            first.errors.contains("Ended before step 20, as early stopping asks. 4 steps in"),
            "\(first.errors)")
        #expect(try JSONValue(contentsOf: project.file("out/fledge_run.json"))["step"] == 4)
        // Of streamed rows too; a run that goes to its end says nothing of the kind.
        let streamed = try again("streaming=true", "output_dir=streamed")
        #expect(streamed.errors.contains("Ended before step 20"), "\(streamed.errors)")
        let whole = try again("max_steps=4", "output_dir=whole")
        #expect(whole.status == 0 && !whole.errors.contains("Ended before"), "\(whole.errors)")
        let before = try project.snapshot()
        let second = try again()
        #expect(second.errors.contains("Early stopping has ended this run at step 4 of 20"))
        #expect(try project.snapshot() == before, "\(second.errors)")
        // Killed before it had noted its end, it ends where it would have.
        try edit("out/fledge_run.json") { $0["state"] = "running" }
        let killed = try again()
        #expect(killed.status == 0, "\(killed.errors)")
        #expect(try JSONValue(contentsOf: project.file("out/fledge_run.json"))["step"] == 4)
        let patient = try again("early_stopping_steps=2")
        #expect(
            patient.status == 0 && patient.errors.contains("after step 4."), "\(patient.errors)")
        #expect(try JSONValue(contentsOf: project.file("out/fledge_run.json"))["step"] == 6)
    }

    @Test func recordsThatSomebodyChangedAreErrors() throws {
        #expect(try train().status == 0)
        let whole = try project.bytes("out/checkpoint-4/fledge_state.json")
        for (key, value) in [
            ("tokens", JSONValue.integer(.max)), ("tokens", -1), ("step", .integer(.max)),
            ("since_log", ["loss": 0, "metrics": [:], "steps": .integer(.max)]),
        ] {
            try edit("out/checkpoint-4/fledge_state.json") { $0[key] = value }
            if key == "step" {
                try edit("out/checkpoint-4/trainer_state.json") { $0["global_step"] = value }
            }
            let outcome = try train("max_steps=6")
            #expect(outcome.isClearFailure && outcome.status == 1, "\(key): \(outcome.errors)")
            #expect(outcome.errors.contains("expected a count"), "\(key): \(outcome.errors)")
            try Data(whole).write(
                to: URL(fileURLWithPath: project.file("out/checkpoint-4/fledge_state.json")))
            try edit("out/checkpoint-4/fledge_state.json") { _ in }
            try edit("out/checkpoint-4/trainer_state.json") { $0["global_step"] = 4 }
        }
        for rank in [1 << 62, Int.max, -4] {
            try edit("out/checkpoint-4/fledge_run.json") { record in
                record["options"]?["lora_rank"] = .integer(rank)
            }
            let outcome = try train("max_steps=6")
            #expect(outcome.isClearFailure && outcome.status == 2, "\(outcome.errors)")
        }
    }

    @Test func manifestsListWhatARunGoesOnWith() throws {
        #expect(try train().status == 0)
        let list = project.file("out/checkpoint-4/manifest.json")
        let whole = try JSONValue(contentsOf: list)
        for name in [
            nil, "adapter_model.safetensors", "optimizer.safetensors", "fledge_state.json",
            "trainer_state.json",
        ] {
            let members = (whole["files"]?.members ?? []).filter { name != nil && $0.key != name }
            try AtomicFile.write(
                JSONValue.object([.init("files", .object(members))]).serialized(), to: list)
            let outcome = try train("max_steps=6")
            #expect(outcome.status == 1 && outcome.isClearFailure, "\(outcome.errors)")
            #expect(outcome.errors.contains("does not list"), "\(outcome.errors)")
        }
        try AtomicFile.write("{}", to: list)
        #expect(try train("max_steps=6").errors.contains("does not list"))
        try AtomicFile.write(whole.serialized(), to: list)
        #expect(try train("max_steps=6").status == 0)
    }

    @Test func timesThatAreNotKnownStayUnknown() throws {
        #expect(try train("save_steps=2").status == 0)
        try edit("out/checkpoint-4/fledge_state.json") { $0["seconds"] = .null }
        #expect(try train("max_steps=6", "save_steps=2").status == 0)
        let state = try JSONValue(contentsOf: project.file("out/checkpoint-6/fledge_state.json"))
        #expect(state["seconds"]?.isNull == true)
        // What the first lines of the log tell is of a few steps.
        #expect(try train("max_steps=7").status == 0)
        let results = try JSONValue(contentsOf: project.file("out/train_results.json"))
        let rate = results["train_tokens_per_second"]?.doubleValue ?? .infinity
        let runtime = results["train_runtime"]?.doubleValue ?? 0
        #expect(rate * runtime < 1000, "\(results)")
    }

    @Test func longerRunsTellWhereTheRateGoesOn() throws {
        #expect(try train().status == 0)
        let longer = try train("max_steps=6")
        #expect(
            longer.errors.contains("The run has 6 steps, it had 4: the schedule"),
            "\(longer.errors)")
        let constant = try train("max_steps=8", "lr_scheduler_type=constant")
        #expect(!constant.errors.contains("it had 6"), "\(constant.errors)")
    }

    @Test func planLooksIntoTheFolder() throws {
        #expect(try train().status == 0)
        func plan(_ more: String...) throws -> Outcome {
            try CommandRun(["plan", "run.yaml", "--json"] + more, in: project.path).wait()
        }
        let same = try plan()
        #expect(same.status == 0 && same.output.contains("nothing is left to do"), "\(same.output)")
        for words in ["seed=7", "resume_from_checkpoint=out/checkpoint-9", "finetuning_type=full"] {
            let other = try plan(words)
            #expect(other.status == 3, "\(other.output)")
            #expect(other.output.contains("cannot-start"), "\(words): \(other.output)")
            #expect(try train(words).status != 0, "\(words)")
        }
        let allowed = try plan("seed=7", "allow_changed=seed", "max_steps=6")
        #expect(allowed.status == 0 && allowed.output.contains("as allow_changed allows"))
        let run = try CommandRun(
            ["train", "run.yaml", "output_dir=long", "max_steps=100000"], in: project.path)
        run.wait(for: 3, in: project.file("long/trainer_log.jsonl"))
        let busy = try plan("output_dir=long")
        #expect(busy.status == 3 && busy.output.contains("in use"), "\(busy.output)")
        run.signal(SIGKILL)
        _ = try run.wait()
    }

    @Test func whatIsDamagedIsPassedOver() throws {
        #expect(try train("save_steps=1").status == 0)
        try FileManager.default.removeItem(
            atPath: project.file("out/checkpoint-4/optimizer.safetensors"))
        try project.write("cut", to: "out/checkpoint-3/tokenizer.json")
        // What somebody named is not passed over.
        let named = try train("max_steps=6", "resume_from_checkpoint=out/checkpoint-4")
        #expect(named.status == 1 && named.isClearFailure, "\(named.errors)")
        #expect(
            named.errors.contains("resume_from_checkpoint: out/checkpoint-2 goes on"),
            "\(named.errors)")
        let plan = try CommandRun(["plan", "run.yaml", "max_steps=6"], in: project.path).wait()
        #expect(plan.status == 0 && plan.output.contains("The run goes on from out/checkpoint-2."))
        let goesOn = try train("max_steps=6")
        #expect(goesOn.status == 0, "\(goesOn.errors)")
        #expect(
            goesOn.errors.contains("Warning: out/checkpoint-4 is damaged.")
                && goesOn.errors.contains("that is whole is taken, out/checkpoint-2.")
                && goesOn.errors.contains("Resuming from out/checkpoint-2, after step 2."),
            "\(goesOn.errors)")
        // A folder with nothing in it is no checkpoint.
        try Folder.create(project.file("out/checkpoint-9"))
        #expect(try train("max_steps=7").errors.contains("after step 6."))
    }

    @Test func damagedWeightsAreNotTheBaseModel() throws {
        try interrupt("save_total_limit=2", after: 6)
        let all = TrainingCheckpoint.all(in: project.file("out"))
        try #require(all.count > 1)
        for (index, path) in all.reversed().enumerated() {
            try FileManager.default.removeItem(atPath: path + "/adapter_config.json")
            let name = (path as NSString).lastPathComponent
            for command in [["chat", "run.yaml"], ["export", "run.yaml", "export_dir=merged"]] {
                let outcome = try CommandRun(command, in: project.path).wait()
                guard index == all.count - 1 else {
                    #expect(outcome.status == 0, "\(outcome.errors)")
                    #expect(outcome.errors.contains("adapter_config.json and is passed over"))
                    continue
                }
                #expect(outcome.status == 1 && outcome.isClearFailure, "\(name) \(outcome.errors)")
                #expect(outcome.errors.contains("no adapter_config.json"), "\(outcome.errors)")
            }
            try? FileManager.default.removeItem(atPath: project.file("merged"))
        }
    }

    @Test func filesThatWereBeingWrittenGo() throws {
        try Folder.create(project.file("out"))
        let left = ".trainer_state.json.4194305.7.partial"
        let mine = ".trainer_state.json.\(getpid()).7.partial"
        for name in [left, mine, ".other.partial"] { try project.write("", to: "out/" + name) }
        #expect(try train().status == 0)
        #expect(!project.exists("out/" + left))
        #expect(project.exists("out/" + mine) && project.exists("out/.other.partial"))
    }
}
