import Fledge
import FledgeTesting
import Foundation
import Testing

/// `cache_frozen_activations` in runs from files: the same weights and logs, and what is said of it.
@Suite struct FrozenTrunkRecipeTests {
    private func project() throws -> TinyProject {
        let project = try TinyProject()
        try StageSets.write(to: project.file("data"))
        return project
    }

    private func configuration(
        _ project: TinyProject, _ more: [String]
    ) throws -> RunConfiguration {
        let yaml = """
            model_name_or_path: \(project.path)/model
            template: chatml
            do_train: true
            finetuning_type: freeze
            freeze_trainable_layers: 1
            dataset_dir: \(project.path)/data
            dataset: tiny
            output_dir: \(project.path)/out
            overwrite_output_dir: true
            cutoff_len: 64
            per_device_train_batch_size: 2
            gradient_accumulation_steps: 2
            num_train_epochs: 3
            learning_rate: 0.01
            logging_steps: 1
            save_strategy: no
            allowed_faults: all
            """
        return try RunConfiguration(
            yaml: yaml, file: "trunk.yaml", overrides: more, environment: [:])
    }

    /// What was logged, without times; the digests of the weights; what was said.
    private func run(
        _ project: TinyProject, _ more: [String]
    ) throws -> (results: [String], heard: [String], bytes: Int?) {
        var heard: [String] = []
        try? FileManager.default.removeItem(atPath: project.file("out"))
        try TrainingRecipe(configuration(project, more)) { heard.append($0) }.run()
        var results = try TrainerState(path: project.file("out/trainer_state.json")).logHistory
            .map { entry in
                let shown = entry.values.filter {
                    !$0.key.hasSuffix("runtime") && !$0.key.hasSuffix("per_second")
                }
                return "\(entry.step) \(shown.sorted { $0.key < $1.key })"
            }
        for name in try Folder.names(in: project.file("out"), hidden: true)
        where name.hasSuffix(".safetensors") {
            let bytes = FileManager.default.contents(atPath: project.file("out/" + name)) ?? Data()
            results.append(name + " " + SHA256.hexadecimal(of: Array(bytes)))
        }
        let all = try JSONValue(contentsOf: project.file("out/all_results.json"))
        return (results, heard, all["frozen_activation_bytes"]?.intValue)
    }

    private static let held = ["val_size=3", "eval_strategy=epoch"]
    private static let late = [
        "finetuning_type=lora",
        "lora_target=1.self_attn.q_proj,1.mlp.up_proj,1.mlp.down_proj", "lora_dropout=0.1",
    ]

    /// Stages, arrangements and references.
    private static let runs: [[String]] = [
        held, ["bf16=true"] + held, ["pure_bf16=true", "recompute=always"],
        ["train_on_prompt=true", "packing=true", "neat_packing=true"],
        ["packing=true", "reference_quirks=all"], ["streaming=true", "max_steps=9"],
        ["stage=pt", "dataset=texts", "bf16=true"] + held,
        ["stage=rm", "dataset=pairs"] + held,
        ["stage=dpo", "dataset=pairs", "bf16=true"] + held,
        ["stage=dpo", "dataset=pairs", "precompute_ref_log_probs=true"],
        ["stage=kto", "dataset=marks"] + held,
        ["use_asft_loss=true"],
        late, ["stage=dpo", "dataset=pairs"] + late,
    ]

    @Test(arguments: runs)
    func theRunIsTheSame(_ keys: [String]) throws {
        let project = try project()
        let plain = try run(project, keys)
        let kept = try run(project, keys + ["cache_frozen_activations=true"])
        #expect(kept.results == plain.results)
        #expect(plain.results.count > 5)
        #expect((kept.bytes ?? 0) > 0 && plain.bytes == nil)
        let said = { (lines: [String]) in lines.count { $0.hasPrefix("Activations that enter") } }
        #expect(said(kept.heard) == 1 && said(plain.heard) == 0)
        // The file is gone, and was never seen.
        let left = try Folder.names(in: project.file("out"), hidden: true)
        #expect(!left.contains { $0.contains("scratch") })
    }

    @Test func theSizeIsSaidBefore() throws {
        let project = try project()
        let keys = ["cache_frozen_activations=true", "stage=pt", "dataset=texts"]
        let plan = RunPlanner(try configuration(project, keys)).run()
        let note = try #require(plan.notes.first { $0.hasPrefix("Activations that enter") })
        let run = try run(project, keys)
        #expect(run.heard.contains(note))
        #expect(note.contains("block 1 of 2") && note.contains("64 bytes a token"))
        let tokens = try #require(run.bytes) / 64
        #expect(note.contains("for \(tokens) tokens"), "\(note)")
        #expect(plan.cost?.seconds != nil)
        // Of a stream nobody knows how much comes.
        let streamed = RunPlanner(
            try configuration(project, keys + ["streaming=true", "max_steps=4"]), measures: false
        ).run()
        #expect(streamed.notes.contains { $0.contains("for every token of the rows that come") })
    }

    @Test func whatDoesNotPayIsSaid() throws {
        let project = try project()
        func notes(_ more: [String]) throws -> [String] {
            let keys = ["cache_frozen_activations=true"] + more
            return RunPlanner(try configuration(project, keys), measures: false).run().notes
                .filter { $0.contains("does not pay") }
        }
        let once = try notes(["num_train_epochs=1"])
        #expect(once.count == 1 && once.first?.hasSuffix("twice.") == true)
        let evaluated = try notes(["num_train_epochs=1"] + Self.held)
        #expect(evaluated.first?.contains("evaluations alone") == true)
        #expect(try notes([]).isEmpty)
        // Policy and reference both compute with it.
        #expect(try notes(["num_train_epochs=1", "stage=dpo", "dataset=pairs"]).isEmpty)
    }

    @Test func whereItIsWithoutEffectOrRefused() throws {
        let project = try project()
        let key = ["cache_frozen_activations=true"]
        let full = try configuration(project, key + ["finetuning_type=full"])
        #expect(full.notes.contains { $0.contains("cache_frozen_activations (matters") })
        for more in [
            ["finetuning_type=lora"], ["freeze_trainable_layers=-1"],
            ["freeze_trainable_layers=2"], ["freeze_extra_modules=embed_tokens"],
        ] {
            let error = #expect(throws: FledgeError.self) { try run(project, key + more) }
            #expect(error?.code == .configuration)
            #expect(error?.message.hasPrefix("No frozen block lies below") == true)
            let plan = RunPlanner(try configuration(project, key + more)).run()
            #expect(plan.faults.contains { $0.code == "cannot-start" })
        }
        let noisy = #expect(throws: FledgeError.self) {
            try configuration(project, key + ["neftune_noise_alpha=5"])
        }
        #expect(noisy?.message.contains("neftune_noise_alpha") == true)
        let idle = RunPlanner(
            try configuration(project, key + ["do_train=false", "do_eval=true", "val_size=3"]),
            measures: false
        ).run()
        #expect(idle.notes.contains { $0.hasSuffix("nothing is trained.") })
    }
}
