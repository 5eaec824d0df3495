import Fledge
import FledgeTesting
import Foundation
import Testing

/// Runs of policies from files to results.
@Suite("Runs of policies") struct PolicyRunTests {
    private let project: TinyProject

    init() throws { project = try TinyProject() }

    private func configuration(
        _ more: [String], methods: [any TrainingMethod] = .standard
    ) throws -> RunConfiguration {
        let yaml = """
            model_name_or_path: \(project.path)/model
            template: chatml
            dataset_dir: \(project.path)/data
            dataset: tiny
            do_train: true
            per_device_train_batch_size: 2
            max_steps: 3
            learning_rate: 0.01
            logging_steps: 1
            save_strategy: no
            cutoff_len: 48
            max_new_tokens: 5
            output_dir: \(project.path)/out
            """
        return try RunConfiguration(
            yaml: yaml, file: "run.yaml", overrides: more, methods: methods, environment: [:])
    }

    private static let rules = "reward_rules=[{type: length, unit: tokens, target: 3, name: short}]"

    private func run(
        _ more: [String], methods: [any TrainingMethod] = .standard
    ) throws -> [String] {
        var heard: [String] = []
        try TrainingRecipe(configuration(more, methods: methods)) { heard.append($0) }.run()
        return heard
    }

    private func history() throws -> [LogEntry] {
        try TrainerState(path: project.file("out/trainer_state.json")).logHistory
    }

    private func message(_ more: [String]) -> String {
        do {
            _ = try run(more)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test(arguments: ["ppo", "grpo", "rloo"])
    func judgedPoliciesTrainAndAreEvaluated(_ stage: String) throws {
        let heard = try run([
            "stage=\(stage)", Self.rules, "num_generations=2", "val_size=2", "eval_strategy=steps",
            "eval_steps=2",
        ])
        #expect(heard.contains("Answers are judged by rules: short × 1.0."))
        let history = try history()
        let steps = history.filter { $0["loss"] != nil }
        #expect(steps.count == 3)
        for name in ["reward", "rewards/short", "reward_std", "completions/mean_length"] {
            #expect(steps.allSatisfy { $0[name] != nil }, "\(name)")
        }
        #expect(steps.allSatisfy { ($0["kl"] != nil) == (stage != "grpo") })
        #expect(steps.allSatisfy { ($0["explained_variance"] != nil) == (stage == "ppo") })
        #expect(steps[0]["kl"] ?? 0 == 0)
        #expect(history.filter { $0["eval_reward"] != nil }.count == 2)
        let shown = try String(contentsOfFile: project.file("out/rollouts.jsonl"), encoding: .utf8)
        #expect(shown.split(separator: "\n").count == 6)
        #expect(ValueHead.isPresent(in: project.file("out")) == (stage == "ppo"))
    }

    @Test func aTeacherIsImitated() throws {
        try TinyProject.writeModel(to: project.file("teacher"))
        _ = try run(["stage=distill", "teacher_model=\(project.path)/teacher", "max_steps=2"])
        #expect(try history().filter { $0["loss"] != nil }.allSatisfy { $0["kl"] != nil })
        #expect(message(["stage=distill"]).contains("`teacher_model` is necessary"))
    }

    @Test func aFunctionOfAProgramJudges() throws {
        struct Refusal: Error {}
        let method = GroupRelativePolicyOptimization { Double($0.answerIDs.count) }
        _ = try run(["stage=grpo"], methods: [method])
        #expect(try history().first?["reward"] ?? 0 > 1)
        let broken = GroupRelativePolicyOptimization { _ in throw Refusal() }
        let error = #expect(throws: FledgeError.self) {
            _ = try run(["stage=grpo", "overwrite_output_dir=true"], methods: [broken])
        }
        #expect(error?.code == .service && error?.cause is Refusal)
    }

    @Test func whatMakesNoSenseIsRefused() {
        #expect(message(["stage=ppo"]).contains("`reward_model` is necessary for PPO"))
        #expect(
            message(["stage=grpo", Self.rules, "num_generations=1"]).contains(
                "compares answers to one question"))
        #expect(
            message(["stage=rloo", Self.rules, "temperature=0"]).contains("none is drawn at random")
        )
        #expect(
            message([
                "stage=ppo", Self.rules, "finetuning_type=freeze", "cache_frozen_activations=true",
            ])
            .contains("keeps nothing for `stage: ppo`"))
    }

    /// Every loss of TRL by its name, and what does not go together.
    @Test(arguments: ["cispo", "sapo", "luspo", "vespo"])
    func everyLossTrains(_ type: String) throws {
        let more = type == "luspo" ? ["importance_sampling_level=sequence"] : []
        _ = try run(
            ["stage=grpo", Self.rules, "loss_type=\(type)", "num_generations=4"] + more)
        #expect(try history().contains { $0["loss"] != nil })
    }

    @Test func keysOfPoliciesThatContradictEachOther() {
        for (keys, part) in [
            (["loss_type=luspo"], "Set importance_sampling_level: sequence."),
            (
                ["loss_type=vespo", "vllm_importance_sampling_correction=true"],
                "a ratio of its own"
            ),
            (
                [
                    "vllm_importance_sampling_correction=true",
                    "vllm_importance_sampling_clip_min=4",
                ], "above vllm_importance_sampling_clip_max"
            ),
            (
                ["steps_per_generation=3", "gradient_accumulation_steps=2"],
                "no multiple of gradient_accumulation_steps, 2"
            ),
            (["entropy_coef=0.1"], "No loss has a part of the entropy"),
        ] {
            #expect(message(["stage=grpo", Self.rules] + keys).contains(part), "\(keys)")
        }
        #expect(
            message(["stage=rloo", Self.rules, "reward_clip_range=[1]"]).contains(
                "expected two numbers"))
    }

    /// Two updates for the answers of one step.
    @Test func aGenerationMayServeSeveralUpdates() throws {
        _ = try run([
            "stage=grpo", Self.rules, "num_generations=4", "steps_per_generation=2", "max_steps=1",
        ])
        let shown = try history().first { $0["loss"] != nil }
        // The second update sees weights that the first one has changed.
        #expect(try #require(shown?["policy_change"]) > 0)
        let drawn = message(["stage=grpo", Self.rules, "top_k=2", "overwrite_output_dir=true"])
        #expect(drawn == "no error")
    }

    @Test func whatIsDrawnFromAPartIsTold() throws {
        func warnings(_ more: String...) throws -> [String] {
            try run(["stage=grpo", Self.rules, "overwrite_output_dir=true", "max_steps=1"] + more)
                .filter { $0.contains("from a part of the model's distribution") }
        }
        #expect(try warnings("top_k=3").count == 1)
        #expect(try warnings("temperature=0.7").isEmpty)
        #expect(try warnings("top_k=3", "vllm_importance_sampling_correction=true").isEmpty)
    }

    /// What a service makes the run wait for is among the messages of the run, and its scores are used.
    @Test func retriesOfAServiceAreTold() throws {
        let server = try LoopbackServer { number, request in
            let texts = (try? JSONValue(parsing: request.body))?["messages"]?.arrayValue ?? []
            return number == 0
                ? .status(503, "still loading") : .scores(texts.indices.map { Double($0) })
        }
        let heard = try run([
            "stage=ppo", "reward_model=\(server.address)", "reward_model_type=api", "max_steps=1",
        ])
        #expect(
            heard.contains { $0.contains("still loading") && $0.contains("asking again in 0.5 s") },
            "\(heard)")
        #expect(server.requests.count == 2)
    }

    /// What a judge computes counts: whole batches of evaluation's size, and its own tokens.
    @Test func aJudgeNeedsMemory() throws {
        try TinyProject.writeModel(to: project.file("reward"))
        try ValueHead(channels: 16, seed: 5).save(to: project.file("reward"))
        func plan(_ more: String...) throws -> String {
            let run = try configuration(
                [
                    "stage=ppo", "reward_model=\(project.path)/reward", "reward_model_type=full",
                    "per_device_train_batch_size=1", "ppo_buffer_size=512", "max_steps=1",
                ] + more)
            return try RunPlanner(run).run().cost?.memory ?? ""
        }
        let few = try plan("per_device_eval_batch_size=1")
        let many = try plan("per_device_eval_batch_size=512")
        #expect(!few.contains("judging answers"), "\(few)")
        #expect(many.contains("or in judging answers"), "\(many)")
    }

    /// A window of the reward model is told before the start where it sees the policy's tokens, and when it
    /// scores where it has its own.
    @Test func aJudgeWithAWindow() throws {
        var narrow = TinyProject.configuration
        (narrow.modelType, narrow.slidingWindow) = ("mistral", 12)
        try TinyProject.writeModel(to: project.file("reward"), narrow)
        try ValueHead(channels: 16, seed: 5).save(to: project.file("reward"))
        let keys = [
            "stage=ppo", "reward_model=\(project.path)/reward", "reward_model_type=full",
        ]
        let told = message(keys)
        #expect(told.contains("the reward model's attention has a window of 12"), "\(told)")
        let scored = message(keys + ["reward_template=default", "overwrite_output_dir=true"])
        #expect(scored.contains("the reward model sees at most 12"), "\(scored)")
    }

    @Test func aPlanTellsStepsMemoryAndTime() throws {
        let plan = try RunPlanner(configuration(["stage=grpo", Self.rules])).run()
        #expect(plan.faults.isEmpty, "\(plan.faults)")
        #expect(plan.cost?.steps == 3 && plan.cost?.seconds != nil)
    }

    @Test func otherAnswersAreAnotherRun() throws {
        _ = try run(["stage=grpo", Self.rules, "save_strategy=steps", "save_steps=2"])
        let heard = message([
            "stage=grpo", Self.rules, "save_strategy=steps", "save_steps=2", "max_steps=5",
            "temperature=0.5",
        ])
        #expect(heard.contains("temperature was"), "\(heard)")
    }
}
