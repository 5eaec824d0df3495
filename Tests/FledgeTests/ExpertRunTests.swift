import Fledge
import FledgeTesting
import Foundation
import Testing

/// Runs from YAML over models with experts: every kind of tuning, and the loss that keeps routers balanced.
@Suite struct ExpertRunTests {
    static let families = [
        "qwen2-moe", "qwen3-moe", "mixtral", "mixtral-stacked", "gpt-oss", "granite-moe",
        "granite-hybrid-moe", "granite-hybrid",
    ]

    private func project(_ family: String) throws -> TinyProject {
        let project = try TinyProject()
        try FamilyModel.write(family, to: project.file("experts"))
        try StageSets.write(to: project.file("data"))
        return project
    }

    private struct Results {
        var logs: [JSONValue]
        var heard: [String]

        func values(_ key: String) -> [Double] { logs.compactMap { $0[key]?.doubleValue } }
    }

    @discardableResult
    private func run(_ project: TinyProject, _ more: [String]) throws -> Results {
        let yaml = """
            model_name_or_path: \(project.path)/experts
            template: chatml
            do_train: true
            dataset_dir: \(project.path)/data
            dataset: tiny
            output_dir: \(project.path)/out
            overwrite_output_dir: true
            cutoff_len: 256
            per_device_train_batch_size: 2
            learning_rate: 0.01
            max_steps: 2
            logging_steps: 1
            save_strategy: no
            allowed_faults: all
            """
        try? FileManager.default.removeItem(atPath: project.file("out"))
        var heard: [String] = []
        let configuration = try RunConfiguration(
            yaml: yaml, file: "experts.yaml", overrides: more, environment: [:])
        try TrainingRecipe(configuration) { heard.append($0) }.run()
        let state = try JSONValue(contentsOf: project.file("out/trainer_state.json"))
        return Results(logs: state["log_history"]?.arrayValue ?? [], heard: heard)
    }

    @Test(arguments: families) func kindsOfTuning(_ family: String) throws {
        let project = try project(family)
        for kind in [
            ["finetuning_type=lora"], ["finetuning_type=lora", "quantization_bit=4"],
            ["finetuning_type=full"], ["finetuning_type=freeze", "freeze_trainable_layers=1"],
            ["finetuning_type=full", "bf16=true", "optim=adafactor"],
        ] {
            for packing in [[], ["packing=true", "neat_packing=true"]] {
                let losses = try run(project, kind + packing).values("loss")
                #expect(losses.count == 2 && losses.allSatisfy { $0.isFinite }, "\(family) \(kind)")
            }
        }
        // What was trained whole has the form that was read.
        let names = { (path: String) in
            try SafetensorsFile(path: project.file(path + "/model.safetensors")).names
        }
        #expect(try names("out") == names("experts"))
        let trained = try Checkpoint(path: project.file("out")).causalLM()
        let base = try Checkpoint(path: project.file("experts")).causalLM()
        let moved = zip(trained.parameters, base.parameters).filter {
            !$0.value.hasSameBytes(as: $1.value)
        }
        #expect(family == "granite-hybrid" || moved.contains { $0.0.name.contains("experts") })
    }

    /// All rows in one batch, each by itself and packed.
    @Test(arguments: families) func packedRowsHaveTheSameLoss(_ family: String) throws {
        let project = try project(family)
        let whole = ["per_device_train_batch_size=12", "max_steps=1"]
        let apart = try run(project, whole).values("loss")
        let packed = try run(project, whole + ["packing=true", "neat_packing=true"]).values("loss")
        #expect(apart.count == 1 && packed.count == 1)
        #expect(abs(apart[0] - packed[0]) < 1e-4 * apart[0], "\(family): \(apart) \(packed)")
    }

    /// Every stage adds the loss of routers and reports it; it is that of the batch whatever is shared.
    @Test(arguments: [
        ["stage=sft"], ["stage=pt", "dataset=texts"], ["stage=rm", "dataset=pairs"],
        ["stage=dpo", "dataset=pairs"], ["stage=kto", "dataset=marks"],
    ])
    func stagesAddTheLossOfRouters(_ stage: [String]) throws {
        let project = try project("mixtral")
        let beside = stage + ["max_steps=1", "val_size=2", "eval_strategy=steps", "eval_steps=1"]
        let without = try run(project, beside)
        #expect(without.values("aux_loss").isEmpty)
        let with = try run(project, beside + ["moe_aux_loss_coef=0.5"])
        let (balance, held) = (with.values("aux_loss"), with.values("eval_aux_loss"))
        try #require(balance.count == 1 && held.count == 1, "\(stage): \(with.logs)")
        // Two of four experts: evenly spread it is 2.
        #expect(balance[0] > 1 && balance[0] < 8)
        let added = with.values("loss")[0] - without.values("loss")[0]
        #expect(abs(added - 0.5 * balance[0]) < 2e-3, "\(stage): \(added) of \(balance)")
        #expect(with.heard.contains { $0.contains("auxiliary loss of routers counts 0.5") })
    }

    @Test func recomputationCountsOnce() throws {
        let project = try project("qwen3-moe")
        let weights = { () -> [UInt8] in
            let path = project.file("out/adapter_model.safetensors")
            return Array(FileManager.default.contents(atPath: path) ?? Data())
        }
        let key = ["moe_aux_loss_coef=0.5"]
        let kept = try run(project, key + ["recompute=never"]).values("aux_loss")
        let before = weights()
        let computed = try run(project, key + ["recompute=always"]).values("aux_loss")
        #expect(kept == computed && weights() == before && !before.isEmpty)
        try run(project, ["recompute=always"])
        #expect(weights() != before)
    }

    /// Micro-batches are not put together, and each counts by the weight of its loss.
    @Test func accumulationTakesTheMean() throws {
        let project = try project("mixtral")
        let key = ["moe_aux_loss_coef=1", "disable_shuffling=true", "learning_rate=0"]
        let single = try run(
            project, key + ["per_device_train_batch_size=1", "max_steps=2"])
        let both = try run(
            project,
            key + [
                "per_device_train_batch_size=1", "max_steps=1", "gradient_accumulation_steps=2",
            ])
        let (parts, mean) = (single.values("aux_loss"), both.values("aux_loss"))
        try #require(parts.count == 2 && mean.count == 1)
        #expect(mean[0] > parts.min()! - 1e-4 && mean[0] < parts.max()! + 1e-4)
    }

    @Test func whatTheModelSays() throws {
        let project = try project("qwen3-moe")
        let path = project.file("experts/config.json")
        var json = try JSONValue(contentsOf: path)
        (json["output_router_logits"], json["router_aux_loss_coef"]) = (true, 0.25)
        try AtomicFile.write(json.serialized(), to: path)
        let stated = try run(project, [])
        #expect(stated.values("aux_loss").count == 2)
        #expect(stated.heard.contains { $0.contains("counts 0.25") })
        let quirk = ["reference_quirks=aux_loss_ignored"]
        #expect(try run(project, quirk).values("aux_loss").count == 2)
        json["output_router_logits"] = false
        try AtomicFile.write(json.serialized(), to: path)
        #expect(try run(project, []).values("aux_loss").isEmpty)
        // The reference hands its key to one family alone.
        let asked = ["moe_aux_loss_coef=0.25"]
        #expect(try run(project, asked).values("aux_loss").count == 2)
        #expect(try run(project, asked + quirk).values("aux_loss").isEmpty)
        let other = try self.project("qwen2-moe")
        #expect(try run(other, asked + quirk).values("aux_loss").count == 2)
    }

    @Test func whatDoesNotGo() throws {
        let project = try project("mixtral")
        let kept = #expect(throws: FledgeError.self) {
            try run(
                project,
                [
                    "moe_aux_loss_coef=0.1", "finetuning_type=freeze",
                    "freeze_trainable_layers=1", "cache_frozen_activations=true",
                ])
        }
        #expect(kept?.message.contains("cache_frozen_activations") == true)
        let dense = #expect(throws: FledgeError.self) {
            try run(
                project, ["moe_aux_loss_coef=0.1", "model_name_or_path=\(project.path)/model"])
        }
        #expect(dense?.message.contains("no experts") == true)
        #expect(throws: FledgeError.self) { try run(project, ["moe_aux_loss_coef=-1"]) }
    }
}
