import Fledge
import FledgeTesting
import Foundation
import Testing

/// What becomes of a folder that holds a run already.
@Suite("Output folders", .commandIsBuilt)
struct OutputFolderTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun("max_steps: 4")
    }

    private func train(_ more: String...) throws -> Outcome { try train(more) }

    private func train(_ more: [String]) throws -> Outcome {
        try CommandRun(["train", "run.yaml"] + more, in: project.path).wait()
    }

    private func log() throws -> [JSONValue] {
        try String(decoding: project.bytes("out/trainer_log.jsonl"), as: UTF8.self)
            .split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    @Test func aRunThatGoesOnLaterIsToldTheTimeThatItBeganWith() throws {
        let template = """
            {{ strftime_now('%H%M%S%f') }}{% for m in messages %}<|im_start|>{{ m.role }}
            {{ m.content }}<|im_end|>
            {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
            {% endif %}
            """
        try AtomicFile.write(template, to: project.file("model/chat_template.jinja"))
        #expect(try train("template=model").status == 0)
        func time() throws -> Double? {
            try JSONValue(contentsOf: project.file("out/fledge_run.json"))["template_time"]?
                .doubleValue
        }
        let began = try #require(try time())
        let more = try train("template=model", "max_steps=6")
        #expect(more.status == 0, "\(more.errors)")
        #expect(try time() == began)
        let anew = try train("template=model", "overwrite_output_dir=true")
        #expect(anew.status == 0, "\(anew.errors)")
        #expect(try time() != began)
    }

    @Test func whatIsFinishedStaysAsItIs() throws {
        #expect(try train().status == 0)
        let before = try project.snapshot()
        for more in [[], ["learning_rate=5e-2"], ["max_steps=3"], ["resume_from_checkpoint=true"]] {
            let again = try CommandRun(["train", "run.yaml"] + more, in: project.path).wait()
            #expect(again.status == 0, "\(again.errors)")
            #expect(again.errors.contains("finished at step 4; nothing is left to do"))
            #expect(try project.snapshot() == before, "\(more)")
        }
        #expect(
            try train("learning_rate=5e-2").errors.contains("learning_rate was 0.02 and is 0.05"))
        let extended = try train("max_steps=6")
        #expect(extended.status == 0 && extended.errors.contains("after step 4."))
        #expect(try log().filter { $0["loss"] == nil }.map { $0["current_steps"] } == [6])
    }

    /// Values that make it another run, the word that names each, and whether it can go on.
    private static let changes: [(words: [String], named: String, goesOn: Bool)] = [
        (["seed=7"], "seed was 42 and is 7", false), (["data_seed=7"], "data_seed", false),
        (["lora_alpha=64"], "lora_alpha was", false), (["cutoff_len=20"], "cutoff_len was", false),
        (["train_on_prompt=true"], "train_on_prompt", false), (["val_size=3"], "val_size", false),
        (["gradient_accumulation_steps=2"], "gradient_accumulation_steps was 1 and is 2", false),
        (["per_device_train_batch_size=3"], "per_device_train_batch_size was 2 and is 3", false),
        (["dataset=other"], "dataset was", false), (["packing=true"], "packing was", false),
        (["bf16=true"], "bf16 was false and is true", false),
        (["max_samples=5"], "max_samples", false),
        (["template=default"], "template was", false),
        (["default_system=Be brief."], "default_system", false),
        (["lora_target=q_proj"], "lora_target was", false),
        (["use_rslora=true"], "use_rslora", false),
        (["learning_rate=0.01"], "learning_rate was 0.02 and is 0.01", true),
        (["weight_decay=0.1"], "weight_decay was", true),
        (["warmup_steps=2"], "warmup_steps was", true),
        (["lr_scheduler_type=cosine"], "lr_scheduler_type was", true),
        (["lora_dropout=0.2"], "lora_dropout was 0.1 and is 0.2", true),
        (["max_grad_norm=0.5"], "max_grad_norm", true),
    ]

    @Test func whatDiffersIsNamed() throws {
        #expect(try train().status == 0)
        for (words, named, goesOn) in Self.changes {
            let copy = "out-\(words[0].prefix { $0 != "=" })"
            try FileManager.default.copyItem(
                atPath: project.file("out"), toPath: project.file(copy))
            let more = words + ["max_steps=6", "output_dir=\(copy)"]
            let outcome = try CommandRun(["train", "run.yaml"] + more, in: project.path).wait()
            #expect(outcome.status == (goesOn ? 0 : 2), "\(words): \(outcome.errors)")
            #expect(outcome.errors.contains(named), "\(words): \(outcome.errors)")
            guard !goesOn else { continue }
            #expect(outcome.isClearFailure, "\(outcome.errors)")
            // What gives tensors their form no permission changes.
            let key = words[0].split(separator: "=")[0]
            guard key != "lora_target" else { continue }
            #expect(outcome.errors.contains("allow_changed: ["), "\(outcome.errors)")
            let allowed = try CommandRun(
                ["train", "run.yaml", "allow_changed=\(key),template"] + more, in: project.path
            ).wait()
            #expect(allowed.status == 0, "\(words): \(allowed.errors)")
            #expect(allowed.errors.contains("as allow_changed allows"), "\(allowed.errors)")
        }
    }

    @Test func whatTellsOnlyMayDiffer() throws {
        #expect(try train().status == 0)
        let outcome = try train(
            "max_steps=6", "logging_steps=2", "save_steps=1", "save_total_limit=2",
            "plot_loss=true", "eval_dataset=other", "eval_strategy=epoch", "report_to=tensorboard",
            "recompute=always", "lora_alpha=16", "data_seed=42", "do_sample=true", "export_dir=x")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(!outcome.errors.contains(" was "), "\(outcome.errors)")
    }

    @Test func otherFilesUnderTheSameNamesAreFound() throws {
        #expect(try train().status == 0)
        var rows = try JSONValue(contentsOf: project.file("data/tiny.json")).arrayValue ?? []
        rows.swapAt(0, 1)
        try project.write(JSONValue.array(rows).serialized(), to: "data/tiny.json")
        let data = try train("max_steps=6")
        #expect(
            data.status == 2 && data.errors.contains("tiny has other content"),
            "\(data.errors)")
        #expect(try train("max_steps=6", "allow_changed=[dataset]").status == 0)
        try TinyProject.writeModel(to: project.file("same"))
        let moved = try train("max_steps=7", "model_name_or_path=same")
        #expect(moved.status == 0, "\(moved.errors)")
        var bytes = try project.bytes("same/model.safetensors")
        bytes[bytes.count - 2] ^= 8
        try Data(bytes).write(to: URL(fileURLWithPath: project.file("same/model.safetensors")))
        let other = try train("max_steps=8", "model_name_or_path=same")
        #expect(other.status == 2 && other.errors.contains("other weights"), "\(other.errors)")
        let unknown = try train("allow_changed=learning_rat")
        #expect(unknown.status == 2 && unknown.errors.contains("Did you mean learning_rate?"))
    }

    @Test func twoRunsDoNotShareAFolder() throws {
        let first = try CommandRun(
            ["train", "run.yaml", "max_steps=100000"], in: project.path)
        first.wait(for: 3, in: project.file("out/trainer_log.jsonl"))
        let second = try train("seed=7")
        #expect(second.status == 1 && second.isClearFailure, "\(second.errors)")
        #expect(second.errors.contains("in use: another run (process "), "\(second.errors)")
        let chat = try fledge("chat", "run.yaml", in: project.path, input: "a\n")
        #expect(chat.status == 0, "\(chat.errors)")
        first.signal(SIGKILL)
        _ = try first.wait()
        // The kernel has let go of the lock.
        #expect(try train("overwrite_output_dir=true").status == 0)
    }

    @Test func anExtendedRunThatEndedEarlyIsKnown() throws {
        #expect(try train().status == 0)
        let run = try CommandRun(
            ["train", "run.yaml", "max_steps=100000", "save_steps=2"], in: project.path)
        run.wait(for: 12, in: project.file("out/trainer_log.jsonl"))
        run.signal(SIGKILL)
        _ = try run.wait()
        let newest = try #require(TrainingCheckpoint.newest(in: project.file("out")))
        let name = try #require(newest.split(separator: "/").last)
        for command in [["chat", "run.yaml"], ["export", "run.yaml", "export_dir=merged"]] {
            let outcome = try CommandRun(command, in: project.path).wait()
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.errors.contains("Using the adapter in out/\(name), which is newer"))
        }
        // Started anew and stopped at an earlier step, it is newer all the same.
        #expect(try train("overwrite_output_dir=true", "max_steps=8").status == 0)
        try FileManager.default.removeItem(atPath: project.file("out/trainer_log.jsonl"))
        let anew = try CommandRun(
            [
                "train", "run.yaml", "max_steps=100000", "overwrite_output_dir=true",
                "save_steps=2",
            ], in: project.path)
        anew.wait(for: 4, in: project.file("out/trainer_log.jsonl"))
        anew.signal(SIGINT)
        _ = try anew.wait()
        let chat = try fledge("chat", "run.yaml", in: project.path)
        #expect(chat.errors.contains("which is newer than the adapter in out"), "\(chat.errors)")
    }

    @Test func whatAKillLeftUndoneIsMadeUpFor() throws {
        #expect(try train().status == 0)
        let weights = try project.bytes("out/adapter_model.safetensors")
        for name in ["adapter_model.safetensors", "trainer_state.json", "train_results.json"] {
            try FileManager.default.removeItem(atPath: project.file("out/" + name))
        }
        let again = try train()
        #expect(again.status == 0, "\(again.errors)")
        #expect(try project.bytes("out/adapter_model.safetensors") == weights)
        #expect(try log().filter { $0["loss"] == nil }.count == 1)
        let rates = try log().compactMap { $0["throughput"]?.doubleValue }
        let most = try #require(rates.max())
        #expect(most < 5 * (rates.first ?? 0) + 1000, "\(rates)")
        let results = try JSONValue(contentsOf: project.file("out/train_results.json"))
        #expect((results["train_tokens_per_second"]?.doubleValue ?? .infinity) <= most * 2)
        let last = try JSONValue(contentsOf: project.file("out/trainer_state.json"))["log_history"]
        #expect(last?.arrayValue?.filter { $0["train_loss"] != nil }.count == 1)
    }

    @Test func resultsThatWereBegunAreNoRun() throws {
        #expect(try train("save_strategy=no").status == 0)
        // As if it had been killed while it wrote its first results.
        let path = project.file("out/fledge_run.json")
        var record = try JSONValue(contentsOf: path)
        record["state"] = "running"
        record["weights"] = .null
        try AtomicFile.write(record.serialized(), to: path)
        #expect(try train("save_strategy=no").status == 0)
        #expect(try train("save_strategy=no").status == 2)
    }

    @Test(arguments: [[], ["save_only_model=true"]])
    func checkpointsAreNoOutputFolders(_ more: [String]) throws {
        #expect(try train(more).status == 0)
        let before = try project.snapshot()
        for words in [
            [], ["overwrite_output_dir=true"], ["resume_from_checkpoint=out/checkpoint-4"],
        ] {
            let nested = try train(["output_dir=out/checkpoint-4", "max_steps=9"] + words)
            #expect(nested.status == 2 && nested.isClearFailure, "\(words): \(nested.errors)")
            #expect(nested.errors.contains("output_dir is a checkpoint"), "\(nested.errors)")
        }
        #expect(try project.snapshot() == before)
        let plan = try fledge("plan", "run.yaml", "output_dir=out/checkpoint-4", in: project.path)
        #expect(plan.status == 3 && (plan.output + plan.errors).contains("is a checkpoint"))
        // A folder that is only called so is one like any other.
        #expect(try train("output_dir=other/checkpoint-4").status == 0)
    }

    @Test func checkpointsOfWeightsAloneSaySo() throws {
        #expect(try train("save_only_model=true").status == 0)
        let same = try train("save_only_model=true")
        #expect(same.status == 0 && same.errors.contains("nothing is left to do"), "\(same.errors)")
        let more = try train("save_only_model=true", "max_steps=6")
        #expect(more.status == 2 && more.isClearFailure && more.errors.contains("save_only_model"))
        let further = try train(
            "output_dir=next", "adapter_name_or_path=out/checkpoint-4", "max_steps=1")
        #expect(further.status == 0, "\(further.errors)")
    }

    @Test func linksAndTildesLeadWhereTheyShould() throws {
        try Folder.create(project.file("disk"))
        try FileManager.default.createSymbolicLink(
            atPath: project.file("out"), withDestinationPath: "disk/new")
        #expect(try train().status == 0)
        #expect(project.exists("disk/new/adapter_model.safetensors"))
        try Folder.create(project.file("home"))
        try project.writeRun()
        let home = ["HOME": project.file("home")]
        for words in [
            [
                "train", "output_dir=~/run", "max_steps=1", "report_to=tensorboard",
                "logging_dir=~/board",
            ],
            ["export", "output_dir=~/run", "export_dir=~/merged"],
            ["chat", "output_dir=~/run"],
            [
                "train", "output_dir=~/run", "max_steps=2",
                "resume_from_checkpoint=~/run/checkpoint-1",
            ],
            [
                "train", "output_dir=~/other", "max_steps=1", "adapter_name_or_path=~/run",
                "tokenized_path=~/tokens",
            ],
        ] {
            let outcome = try CommandRun(
                [words[0], "run.yaml"] + words.dropFirst(), in: project.path, environment: home
            ).wait()
            #expect(outcome.status == 0, "\(words): \(outcome.errors)")
        }
        for name in ["run/checkpoint-2", "merged/config.json", "board", "other", "tokens"] {
            #expect(project.exists("home/" + name), "\(name)")
        }
        #expect(!project.exists("~"))
    }

    @Test func spoiledCheckpointsAreNotGoneOnFrom() throws {
        let spoiling = [
            "finetuning_type=full", "save_steps=1", "max_steps=10", "lr_scheduler_type=constant",
        ]
        let first = try CommandRun(
            ["train", "run.yaml", "learning_rate=1e8"] + spoiling, in: project.path
        ).wait()
        #expect(first.status == 1 && first.isClearFailure, "\(first.errors)")
        let second = try CommandRun(
            ["train", "run.yaml", "learning_rate=1e-4"] + spoiling, in: project.path
        ).wait()
        #expect(second.status == 0, "\(second.errors)")
        #expect(second.errors.contains("is not gone on from"), "\(second.errors)")
    }

    @Test func numbersThatAreNoneAreFoundOnResuming() throws {
        #expect(try train("save_steps=2").status == 0)
        try spoil("out/checkpoint-4")
        let named = try train("max_steps=6", "resume_from_checkpoint=out/checkpoint-4")
        #expect(named.status == 1 && named.errors.contains("out/checkpoint-4 is spoiled"))
        #expect(!named.errors.contains("learning_rate, or"), "\(named.errors)")
        let earlier = try train("max_steps=6")
        #expect(earlier.status == 0, "\(earlier.errors)")
        #expect(earlier.errors.contains("after step 2."), "\(earlier.errors)")
    }

    /// Puts a NaN into a checkpoint's weights, and the manifest in order.
    private func spoil(_ folder: String) throws {
        let path = folder + "/adapter_model.safetensors"
        var bytes = try project.bytes(path)
        bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0, 0xC0, 0x7F])
        try Data(bytes).write(to: URL(fileURLWithPath: project.file(path)))
        var manifest = try JSONValue(contentsOf: project.file(folder + "/manifest.json"))
        var files = try #require(manifest["files"])
        files["adapter_model.safetensors"] = [
            "bytes": .integer(bytes.count), "sha256": .string(SHA256.hexadecimal(of: bytes)),
        ]
        manifest["files"] = files
        try AtomicFile.write(
            manifest.serialized(), to: project.file(folder + "/manifest.json"))
    }

    @Test func emptyEvaluationsAreErrors() throws {
        // Every answer of the evaluation set is cut off, none of the training set.
        let long = String(repeating: "word ", count: 30)
        let rows: JSONValue = [["instruction": .string(long), "input": "", "output": "yes"]]
        try project.write(rows.serialized(), to: "data/other.json")
        let outcome = try train(
            "eval_dataset=other", "eval_strategy=steps", "eval_steps=2", "cutoff_len=80",
            "load_best_model_at_end=true", "save_steps=2", "drop_invalid_rows=true")
        #expect([1, 2].contains(outcome.status) && outcome.isClearFailure, "\(outcome.errors)")
        #expect(!project.exists("out/eval_results.json"))
    }
}
