import Fledge
import FledgeTesting
import Foundation
import Testing

/// Evaluations of the reference on eight rows with the adapter as it is: every stage, from files to
/// numbers.
@Suite struct ToyEvaluationTests {
    struct Golden: CustomTestStringConvertible, Sendable {
        var name: String
        var keys: [String]
        var values: [String: Double]
        var testDescription: String { name }
    }

    private static let pairs = ["stage=dpo", "dataset=pairs", "eval_dataset=pairs"]
    private static let marks = ["stage=kto", "dataset=marks", "eval_dataset=marks"]

    static let evaluations: [Golden] = [
        Golden(
            name: "sft", keys: ["eval_dataset=toy", "compute_accuracy=true"],
            values: ["eval_loss": 3.1363478, "eval_accuracy": 0.0875]),
        Golden(
            name: "pt", keys: ["stage=pt", "eval_dataset=texts", "cutoff_len=8"],
            values: ["eval_loss": 2.8370159, "eval_perplexity": 17.0647660]),
        Golden(
            name: "rm by twos",
            keys: ["stage=rm", "eval_dataset=pairs", "per_device_eval_batch_size=2"],
            values: ["eval_loss": 0.74074, "eval_accuracy": 0.375]),
        Golden(
            name: "rm by threes", keys: ["stage=rm", "eval_dataset=pairs"],
            values: ["eval_loss": 0.74074, "eval_accuracy": 0.375]),
    ]

    /// Policies are held against the model without the adapter in a run that trains.
    static let evaluationsOfTraining: [Golden] = [
        Golden(
            name: "dpo", keys: pairs,
            values: [
                "eval_loss": 0.6892720, "eval_rewards/accuracies": 0.7777778,
                "eval_rewards/chosen": 0.0082083, "eval_logps/chosen": -12.8884811,
            ]),
        Golden(
            name: "kto", keys: marks,
            values: [
                "eval_loss": 0.4890084, "eval_kl": 0.8938568, "eval_rewards/chosen": 0.0467444,
                "eval_rewards/rejected": -0.0457034,
            ]),
    ]

    private func expect(_ found: (String) -> Double?, _ golden: Golden) {
        for (name, expected) in golden.values {
            let value = found(name) ?? .nan
            #expect(abs(value - expected) < 5e-6 * max(1, abs(expected)), "\(name): \(value)")
        }
    }

    private func common(_ project: ToyProject) -> [String] {
        ["adapter_name_or_path=\(project.path)/adapter", "per_device_eval_batch_size=3"]
    }

    @Test(arguments: evaluations)
    func anEvaluationAloneIsTheReferences(_ golden: Golden) throws {
        let project = try ToyProject()
        let run = try project.configuration(
            common(project) + ["do_train=false", "do_eval=true"] + golden.keys)
        try TrainingRecipe(run).run()
        let results = try JSONValue(contentsOf: project.path + "/out/eval_results.json")
        expect({ results[$0]?.doubleValue }, golden)
    }

    /// What is asked for by name is the reference also where nothing is trained.
    @Test(arguments: evaluationsOfTraining)
    func anAdapterAloneIsHeldAgainstItsBase(_ golden: Golden) throws {
        let project = try ToyProject()
        func results(_ policy: String) throws -> JSONValue {
            let run = try project.configuration(
                common(project) + ["do_train=false", "do_eval=true", "ref_policy=\(policy)"]
                    + golden.keys)
            try TrainingRecipe(run, cache: project.cache).run()
            return try JSONValue(contentsOf: project.path + "/out/eval_results.json")
        }
        let base = try results("base")
        expect({ base[$0]?.doubleValue }, golden)
        #expect(try results("start")["eval_rewards/chosen"]?.doubleValue == 0)
        #expect(try results("auto")["eval_rewards/chosen"] == nil)
    }

    @Test(arguments: evaluationsOfTraining)
    func theEvaluationBeforeTheFirstStepIsTheReferences(_ golden: Golden) throws {
        let project = try ToyProject()
        let history = try project.history(
            common(project) + [
                "eval_strategy=steps", "eval_steps=4", "eval_on_start=true", "max_steps=1",
            ] + golden.keys)
        let first = try #require(history.first { $0["eval_loss"] != nil })
        #expect(first.step == 0)
        expect({ first[$0] }, golden)
    }

    @Test func theAccuracyIsTheMeanOverSamples() throws {
        // Batches of any size, shared beginnings or none: each sample counts once.
        let project = try ToyProject()
        var seen: [Double] = []
        for (size, shares) in [(1, true), (3, false), (8, true), (8, false)] {
            let run = try project.configuration([
                "adapter_name_or_path=\(project.path)/adapter", "do_train=false", "do_eval=true",
                "eval_dataset=toy", "compute_accuracy=true", "per_device_eval_batch_size=\(size)",
                "reference_quirks=none", "train_on_prompt=true",
            ])
            try TrainingRecipe(run, sharesPrefixes: shares).run()
            let results = try JSONValue(contentsOf: project.path + "/out/eval_results.json")
            seen.append(try #require(results["eval_accuracy"]?.doubleValue))
        }
        #expect(seen.allSatisfy { abs($0 - seen[0]) < 1e-12 }, "\(seen)")
        #expect(seen[0] > 0 && seen[0] < 1)
    }

    @Test func otherLossesHaveTheSameAccuracy() throws {
        let project = try ToyProject()
        for loss in ["use_dft_loss=true", "use_eaft_loss=true", "label_smoothing_factor=0.1"] {
            let run = try project.configuration(
                common(project) + [
                    "do_train=false", "do_eval=true", "eval_dataset=toy", "compute_accuracy=true",
                    loss,
                ])
            try TrainingRecipe(run).run()
            let results = try JSONValue(contentsOf: project.path + "/out/eval_results.json")
            let accuracy = try #require(results["eval_accuracy"]?.doubleValue)
            #expect(abs(accuracy - 0.0875) < 1e-12, "\(loss): \(accuracy)")
        }
    }

    @Test func trainingHasNoAccuracyOfItsOwn() throws {
        let project = try ToyProject()
        let keys = ["dataset=toy", "max_steps=2"] + common(project)
        let plain = try project.history(keys)
        let measured = try project.history(keys + ["compute_accuracy=true"])
        for (first, second) in zip(plain, measured) where first["loss"] != nil {
            #expect(first["loss"] == second["loss"] && first["grad_norm"] == second["grad_norm"])
            #expect(second["accuracy"] == nil)
        }
    }
}
