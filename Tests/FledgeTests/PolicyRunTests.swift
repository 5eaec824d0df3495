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
