import Fledge
import FledgeTesting
import Foundation
import Testing

/// Which keys may differ between a run and the one that goes on from its checkpoint.
@Suite struct ResumeKeyTests {
    private let project: ToyProject

    init() throws { project = try ToyProject() }

    /// Trains to a step, and gives what was announced.
    @discardableResult
    private func train(_ steps: Int, _ keys: [String]) throws -> [String] {
        var heard: [String] = []
        let own = [
            "overwrite_output_dir=false", "save_strategy=steps", "save_steps=1",
            "max_steps=\(steps)",
        ]
        let run = try project.configuration(
            own + keys.map { $0.replacing("@", with: project.path) },
            methods: .standard + [OwnMethod()])
        try TrainingRecipe(run) { heard.append($0) }.run()
        return heard
    }

    private func refusal(_ steps: Int, _ keys: [String]) -> String {
        let error = #expect(throws: FledgeError.self, "\(keys)") { try train(steps, keys) }
        return error?.description ?? ""
    }

    private static let pairs = ["stage=dpo", "dataset=pairs"]
    private static let rates = [
        "dataset=toy", "lr_scheduler_type=reduce_lr_on_plateau", "eval_strategy=steps",
        "eval_steps=1", "eval_dataset=toy",
    ]

    /// The steps are the same with them and without.
    @Test(arguments: [
        (["stage=rm", "dataset=pairs"], ["do_predict=true", "eval_dataset=pairs"]),
        (
            ["dataset=toy"],
            ["simpo_gamma=0.9", "galore_rank=4", "pref_beta=0.3", "ref_model=@/model"]
        ),
        (["dataset=toy"], ["compute_accuracy=true", "eval_dataset=toy", "eval_strategy=epoch"]),
        (["dataset=toy"], ["predict_with_generate=true", "eval_dataset=toy", "do_predict=true"]),
        (pairs + ["pref_loss=orpo"], ["pref_bco_weight=0.5", "ref_policy=base"]),
        (["dataset=toy"], ["warmup_steps=0", "lr_scheduler_kwargs=null"]),
    ])
    func whatChangesNoStepIsAllowed(_ first: [String], _ more: [String]) throws {
        try train(1, first)
        let heard = try train(2, first + more)
        #expect(heard.contains { $0.hasPrefix("Resuming from ") }, "\(heard)")
        #expect(!heard.contains { $0.contains("goes on with it from here") }, "\(heard)")
    }

    @Test(arguments: [
        (pairs, ["pref_beta=0.3"], "pref_beta was 0.1 and is 0.3"),
        (["dataset=toy"], ["use_dft_loss=true"], "use_dft_loss was false"),
        (["dataset=toy"], ["galore_rank=4", "seed=3"], "seed was 42"),
        (["stage=own", "dataset=pairs"], ["own_width=2"], "own_width was 1"),
        (["stage=own", "dataset=pairs"], ["pref_beta=2"], "pref_beta was 0.1"),
    ])
    func whatMakesAnotherRunIsRefused(
        _ first: [String], _ more: [String], _ words: String
    ) throws {
        try train(1, first)
        let refusal = refusal(2, first + more)
        #expect(refusal.contains(words) && !refusal.contains("galore"), "\(refusal)")
        let key = String(words.prefix { $0 != " " })
        let heard = try train(2, first + more + ["allow_changed=\(key)"])
        #expect(heard.contains { $0.contains(words) }, "\(heard)")
    }

    /// Under a rate that follows evaluations, what they are of is the pace of learning.
    @Test(arguments: [
        ("eval_dataset=other", "eval_dataset was"), ("eval_steps=2", "eval_steps was 1"),
        ("metric_for_best_model=eval_loss", "metric_for_best_model was null"),
        ("per_device_eval_batch_size=3", "per_device_eval_batch_size was 8"),
    ])
    func evaluationsThatAreFollowedAreTold(_ word: String, _ words: String) throws {
        let catalog = project.path + "/data/dataset_info.json"
        var json = try JSONValue(contentsOf: catalog)
        json["other"] = json["toy"]
        try AtomicFile.write(json.serialized(), to: catalog)
        try train(1, Self.rates)
        let heard = try train(2, Self.rates + [word])
        #expect(
            heard.contains { $0.hasPrefix(words) && $0.hasSuffix("goes on with it from here.") },
            "\(heard)")
        let plain = ["dataset=toy", "eval_strategy=steps", "eval_steps=1", "eval_dataset=toy"]
        try FileManager.default.removeItem(atPath: project.path + "/out")
        try train(1, plain)
        #expect(try !train(2, plain + [word]).contains { $0.hasPrefix(words) })
    }

    /// The reference is compared by what it holds, wherever it lies.
    @Test func theReferenceIsComparedByItsContent() throws {
        let other = project.path + "/other"
        try FileManager.default.copyItem(atPath: project.path + "/model", toPath: other)
        let keys = Self.pairs + ["ref_model=@/other", "ref_model_adapters=@/adapter"]
        try train(1, keys)
        try FileManager.default.moveItem(atPath: other, toPath: other + "2")
        let moved = Self.pairs + ["ref_model=@/other2", "ref_model_adapters=@/adapter"]
        try train(2, moved)
        #expect(
            refusal(3, Self.pairs + ["ref_model=@/other2"]).contains("ref_model_adapters 1 was"))
        let model = try TinyModel.make()
        for parameter in model.parameters {
            parameter.value = TinyModel.tensor("x" + parameter.name, parameter.value.shape)
        }
        try model.save(to: other + "2", as: .float32)
        #expect(refusal(3, moved).contains("ref_model holds other weights"))
        let heard = try train(3, moved + ["allow_changed=ref_model"])
        #expect(heard.contains { $0.hasPrefix("ref_model holds other weights") })
    }

    /// Rows that a method of one's own makes may depend on its keys, and on any other.
    @Test func tokenisedRowsKnowTheKeysOfTheirMethod() throws {
        let own = ["stage=own", "dataset=pairs", "tokenized_path=@/tokens"]
        let note = "They were made with another template, other options or on another day."
        func notes(_ keys: [String], _ expected: Bool) throws {
            try? FileManager.default.removeItem(atPath: project.path + "/out")
            #expect(try train(1, keys).contains(note) == expected, "\(keys)")
        }
        try notes(own, false)
        try notes(own + ["learning_rate=0.02", "eval_steps=3"], false)
        try notes(own + ["own_width=2"], true)
        try notes(own + ["pref_beta=2"], true)
        let standard = Self.pairs + ["tokenized_path=@/others"]
        try notes(standard, false)
        try notes(standard + ["pref_beta=2", "lora_rank=4"], false)
    }
}
