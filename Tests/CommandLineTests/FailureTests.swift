import Fledge
import FledgeTesting
import Foundation
import Testing

/// Whatever is missing or damaged: one clear sentence, a status, and nothing changed.
@Suite("Failures", .commandIsBuilt)
struct FailureTests {
    private let project: TinyProject

    init() throws {
        project = try TinyProject()
        try project.writeRun()
    }

    /// Runs a command that has to fail and to leave everything as it was.
    private func expectFailure(
        _ arguments: [String], status: Int32 = 1, says parts: String...,
        location: SourceLocation = #_sourceLocation
    ) throws {
        let before = try project.snapshot()
        let outcome = try CommandRun(arguments, in: project.path).wait()
        let shown = "\(arguments.joined(separator: " ")): \(outcome.status) \(outcome.errors)"
        #expect(outcome.status == status, "\(shown)", sourceLocation: location)
        #expect(outcome.isClearFailure, "\(shown)", sourceLocation: location)
        #expect(outcome.output.isEmpty, "\(shown)", sourceLocation: location)
        for part in parts {
            #expect(outcome.errors.contains(part), "\(part): \(shown)", sourceLocation: location)
        }
        let after = try project.snapshot()
        let changed = Set(before.keys).symmetricDifference(after.keys).union(
            before.keys.filter { before[$0] != after[$0] })
        #expect(changed.isEmpty, "\(shown) changed \(changed)", sourceLocation: location)
    }

    private func expectTrainFailure(
        _ more: String..., status: Int32 = 1, says part: String,
        location: SourceLocation = #_sourceLocation
    ) throws {
        try expectFailure(
            ["train", "run.yaml"] + more, status: status, says: part, location: location)
    }

    @Test func typosNameKeyPlaceAndNearestKey() throws {
        try project.writeRun("lora_rnk: 4")
        try expectTrainFailure(
            status: 2, says: "run.yaml:16:1: lora_rnk is no known key. Did you mean lora_rank?")
        try expectFailure(["chat", "run.yaml"], status: 2, says: "run.yaml:16:1: lora_rnk")
        try project.writeRun("lora_rank: four")
        try expectTrainFailure(status: 2, says: "run.yaml:16:")
        try project.writeRun("lora_rank: [4")
        try expectTrainFailure(status: 2, says: "no valid YAML")
        try project.writeRun("output_dir: twice")
        try expectTrainFailure(status: 2, says: "output_dir is given twice")
        try project.writeRun()
        try expectTrainFailure("lora_rnk=4", status: 2, says: "command line (lora_rnk=4)")
        try expectTrainFailure("template=chatmll", status: 2, says: "Did you mean chatml?")
        try expectFailure(["train", "nowhere.yaml"], says: "nowhere.yaml")
        try expectFailure(["train"], status: 2, says: "No configuration is named.")
    }

    /// Found before the first step, though that such rows are there is allowed.
    @Test func anEvaluationOfNothingIsRefusedBeforeTheFirstStep() throws {
        try project.write(
            #"[{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "loss": false}]}]"#,
            to: "data/silent.json")
        var information = try JSONValue(contentsOf: project.file("data/dataset_info.json"))
        information["silent"] = [
            "file_name": "silent.json", "formatting": "sharegpt",
            "columns": ["messages": "messages"],
            "tags": [
                "role_tag": "role", "content_tag": "content", "user_tag": "user",
                "assistant_tag": "assistant",
            ],
        ]
        try project.write(information.serialized(), to: "data/dataset_info.json")
        let keys = ["eval_dataset=silent", "val_size=0", "eval_strategy=steps", "eval_steps=1"]
        try expectFailure(["train", "run.yaml"] + keys, says: "nothing-learned")
        try expectFailure(
            ["train", "run.yaml", "allowed_faults=nothing-learned"] + keys,
            says: "There is nothing to evaluate: of 1 rows")
    }

    /// `fledge chat NAME_OR_FOLDER`, as other programs are called.
    @Test func modelsAreNoConfigurations() throws {
        try Folder.create(project.file("adapter"))
        try project.write("{}", to: "adapter/adapter_config.json")
        try project.write("GGUF and more", to: "tiny.gguf")
        let names = ["model", "someone/tiny-chat", "tiny.gguf", "model/model.safetensors"]
        let commands = [
            ["chat"], ["export"], ["plan"], ["train"], ["preprocess", "--output", "-"],
        ]
        for (name, command) in names.map({ ($0, ["chat"]) }) + commands.map({ ("model", $0) }) {
            try expectFailure(
                command + [name], status: 2, says: "\(name): ", "expected a YAML file",
                "A model goes as model_name_or_path=\(name).")
        }
        try expectFailure(
            ["chat", "adapter", "bf16=true"], status: 2, says: "adapter: ",
            "An adapter goes as adapter_name_or_path=adapter")
        // Slips in the name of a file are what they were.
        for name in ["configs/run.yaml", "data/run", "run", "./run", "a/b/c"] {
            try expectFailure(["train", name], says: "\(name): ", "o such file")
        }
    }

    @Test func whatIsMissing() throws {
        try expectTrainFailure("model_name_or_path=nowhere", says: "nowhere")
        try expectTrainFailure(
            "model_name_or_path=some/model", says: "some/model is neither a path")
        try expectTrainFailure(
            "adapter_name_or_path=nowhere",
            says: "nowhere: The folder holds no adapter_config.json.")
        try expectTrainFailure(
            "adapter_name_or_path=some/adapter", says: "neither a folder nor a name in the cache")
        try expectTrainFailure("dataset_dir=nowhere", says: "nowhere/dataset_info.json")
        try expectTrainFailure("eval_dataset=nowhere.json", says: "There is no file nowhere.json")
        try expectTrainFailure("resume_from_checkpoint=nowhere", says: "nowhere")
        try expectTrainFailure("resume_from_checkpoint=true", says: "no checkpoint to resume from")
        for command in [["chat", "run.yaml"], ["export", "run.yaml", "export_dir=merged"]] {
            try expectFailure(command + ["model_name_or_path=nowhere"], says: "nowhere")
            try expectFailure(
                command + ["adapter_name_or_path=gone", "do_train=false"], says: "gone")
        }
        try expectFailure(["tokenize", "nowhere"], says: "nowhere")
        try expectFailure(["export", "run.yaml"], status: 2, says: "export_dir")
        let unknown = try fledge("train", "run.yaml", "dataset=tony", in: project.path)
        #expect(unknown.isClearFailure && unknown.errors.contains("tony"), "\(unknown.errors)")
        try FileManager.default.removeItem(atPath: project.file("model/tokenizer.json"))
        try expectTrainFailure(status: 2, says: "tokenizer.json")
    }

    @Test func runsThatWouldDoNothingOrTooMuch() throws {
        try expectTrainFailure("do_train=false", status: 2, says: "nothing to do")
        try expectTrainFailure("num_train_epochs=0", status: 2, says: "no step to train")
        try expectTrainFailure(
            "dataloader_drop_last=true", "per_device_train_batch_size=13", status: 2,
            says: "no step to train")
        try expectTrainFailure("cutoff_len=1", "output_dir=data", says: "nothing-learned")
        for huge in [
            "per_device_train_batch_size=9223372036854775807", "num_train_epochs=1e300",
            "gradient_accumulation_steps=9000000000000000000", "save_steps=1e19",
            "max_steps=9223372036854775807", "logging_steps=1e18", "cutoff_len=1e15",
        ] { try expectTrainFailure(huge, status: 2, says: "it should be") }
        // A run that breaks off keeps its log, and nothing else.
        let broken = try fledge(
            "train", "run.yaml", "learning_rate=1e9", "finetuning_type=full",
            in: project.path)
        #expect(broken.status == 1 && broken.isClearFailure, "\(broken.errors)")
        #expect(broken.errors.contains("Step "))
        #expect(Set(project.names("out")).isSubset(of: ["trainer_log.jsonl", "fledge_run.json"]))
        try? FileManager.default.removeItem(atPath: project.file("out"))
        try expectTrainFailure("val_size=12", status: 2, says: "val_size")
        try expectTrainFailure(
            "lr_scheduler_kwargs={num_cycle: 2}", "lr_scheduler_type=cosine", status: 2,
            says: "the schedule cosine takes num_cycles.")
    }

    @Test func brokenRowsNameTheirPlace() throws {
        try project.write(
            "[\n{\"instruction\": \"a\", \"output\": \"b\"},\n{\"instruction\" \"c\"}\n]",
            to: "data/tiny.json")
        try expectTrainFailure(says: "data/tiny.json:3:16")
        try expectFailure(
            ["preprocess", "run.yaml", "--output", "rows.jsonl"], says: "data/tiny.json:3:16")
        try project.write("[\n{\"instruction\": \"a\", \"output\": 7}\n]", to: "data/tiny.json")
        try expectTrainFailure(says: "data/tiny.json:2")
        try project.write("[]", to: "data/tiny.json")
        let empty = try fledge("train", "run.yaml", in: project.path)
        #expect(empty.isClearFailure, "\(empty.errors)")
        try project.write("{", to: "data/dataset_info.json")
        try expectTrainFailure(says: "data/dataset_info.json:1:")
    }

    @Test func damagedWeights() throws {
        let weights = try project.bytes("model/model.safetensors")
        for count in [0, 4, 100, weights.count / 2, weights.count - 1] {
            try Data(weights.prefix(count)).write(
                to: URL(fileURLWithPath: project.file("model/model.safetensors")))
            try expectTrainFailure(says: "model/model.safetensors")
        }
        try project.write("{\"architectures\": 7}", to: "model/config.json")
        let shapeless = try fledge("train", "run.yaml", in: project.path)
        #expect(shapeless.isClearFailure && shapeless.errors.contains("model/config.json"))
    }

    @Test func damagedGGUF() throws {
        let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent()
            .appendingPathComponent("ModelTests/Fixtures/tiny-llama/model.gguf")
        let whole = try Data(contentsOf: fixture)
        for count in [3, 200, whole.count / 2, whole.count - 1] {
            try whole.prefix(count).write(to: URL(fileURLWithPath: project.file("model.gguf")))
            let outcome = try fledge(
                "chat", "run.yaml", "model_name_or_path=model.gguf", in: project.path)
            #expect(outcome.isClearFailure, "\(count): \(outcome.errors)")
            #expect(outcome.errors.contains("model.gguf"))
        }
    }

    @Test func adaptersThatDoNotFit() throws {
        #expect(try fledge("train", "run.yaml", "max_steps=1", in: project.path).status == 0)
        var wider = TinyProject.configuration
        wider.hiddenSize = 32
        wider.headDimension = 8
        try TinyProject.writeModel(to: project.file("wider"), wider)
        for command in [
            ["chat"], ["export", "export_dir=merged"],
            ["train", "output_dir=next", "adapter_name_or_path=out"],
        ] {
            try expectFailure(
                [command[0], "run.yaml", "model_name_or_path=wider"] + command.dropFirst(),
                says: "adapter_model.safetensors")
        }
        let adapter = try project.bytes("out/adapter_model.safetensors")
        try Data(adapter.dropLast(9)).write(
            to: URL(fileURLWithPath: project.file("out/adapter_model.safetensors")))
        try expectFailure(["chat", "run.yaml"], says: "out/adapter_model.safetensors")
        let target = try fledge(
            "train", "run.yaml", "lora_target=nothing", "output_dir=next", in: project.path)
        #expect(target.isClearFailure && target.errors.contains("nothing"), "\(target.errors)")
        #expect(!project.exists("next"))
    }

    @Test func changedCheckpointsAreNotResumed() throws {
        #expect(try fledge("train", "run.yaml", "max_steps=4", in: project.path).status == 0)
        for name in ["adapter_model.safetensors", "optimizer.safetensors", "fledge_state.json"] {
            let path = "out/checkpoint-4/" + name
            let bytes = try project.bytes(path)
            var changed = bytes
            changed[changed.count - 3] ^= 1
            try Data(changed).write(to: URL(fileURLWithPath: project.file(path)))
            try expectTrainFailure("max_steps=6", says: path)
            try Data(bytes).write(to: URL(fileURLWithPath: project.file(path)))
        }
        try FileManager.default.removeItem(atPath: project.file("out/checkpoint-4/manifest.json"))
        try expectTrainFailure("max_steps=6", says: "out/checkpoint-4: There is no manifest.json")
    }

    @Test func foldersThatCannotBeWritten() throws {
        try expectTrainFailure("output_dir=data/tiny.json/out", says: "data/tiny.json/out")
        try expectTrainFailure("output_dir=/proc/out", says: "/proc/out")
        // Folders above it are made.
        let deep = try fledge(
            "train", "run.yaml", "max_steps=1", "output_dir=not/there/out", in: project.path)
        #expect(deep.status == 0 && project.exists("not/there/out/adapter_model.safetensors"))
        #expect(try fledge("train", "run.yaml", "max_steps=1", in: project.path).status == 0)
        try expectFailure(
            ["export", "run.yaml", "export_dir=data/tiny.json"], status: 2, says: "data/tiny.json")
        try expectFailure(
            ["export", "run.yaml", "export_dir=/proc/merged"], says: "/proc/")
        try expectFailure(
            ["preprocess", "run.yaml", "--output", "nowhere/rows.jsonl"],
            says: "nowhere/rows.jsonl")
    }

    @Test func foreignFilesAreNotReplaced() throws {
        #expect(try fledge("train", "run.yaml", "max_steps=1", in: project.path).status == 0)
        for folder in ["data", "out", "model", "."] {
            try expectFailure(
                ["export", "run.yaml", "export_dir=" + folder], status: 2, says: "export_dir")
        }
    }

    @Test func aFullDiskLeavesWhatWasThere() throws {
        let quiet = "logging_steps=100"
        #expect(try fledge("train", "run.yaml", "max_steps=1", in: project.path).status == 0)
        for command in [
            [
                "train", "run.yaml", "max_steps=2", "overwrite_output_dir=true", "save_strategy=no",
                quiet,
            ],
            ["train", "run.yaml", "max_steps=2", "save_steps=2", quiet],
            ["export", "run.yaml", "export_dir=merged"],
            ["preprocess", "run.yaml", "--output", "rows.jsonl"],
        ] {
            let before = try project.snapshot()
            let outcome = try CommandRun(command, in: project.path, shell: "ulimit -f 4").wait()
            #expect(outcome.status == 1 && outcome.isClearFailure, "\(command): \(outcome)")
            let after = try project.snapshot()
            for (name, bytes) in before
            where !name.hasSuffix("trainer_log.jsonl") && !name.hasSuffix("fledge_run.json")
                && name != "out/adapter_config.json"
            {
                let isSame = after[name] == bytes
                #expect(isSame, "\(command) changed \(name)")
            }
            let new = Set(after.keys).subtracting(before.keys)
            #expect(new.isEmpty, "\(command) left \(new)")
        }
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func outputsThatCannotBeWritten() throws {
        for command in [
            ["keys"], ["preprocess", "run.yaml", "--output", "-"],
            ["preprocess", "run.yaml", "--output", "/dev/full"],
        ] {
            let outcome = try CommandRun(command, in: project.path, output: "/dev/full").wait()
            #expect(outcome.status == 1 && outcome.isClearFailure, "\(command): \(outcome)")
        }
        let tokens = try CommandRun(
            ["tokenize", "model"], in: project.path, input: Array("a\n".utf8), output: "/dev/full"
        ).wait()
        #expect(tokens.status == 1 && tokens.isClearFailure)
    }
}
