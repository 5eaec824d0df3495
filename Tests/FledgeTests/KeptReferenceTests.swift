import Fledge
import FledgeTesting
import Foundation
import Testing

/// Scores of a reference that are computed once: the numbers of runs that ask it at every step.
@Suite struct KeptReferenceTests {
    @Test(arguments: [["stage=dpo", "dataset=pairs"], ["stage=kto", "dataset=marks"]])
    func lossesAreThoseOfAReferenceThatIsAsked(_ keys: [String]) throws {
        let project = try ToyProject()
        for type in ["lora", "full"] {
            let keys =
                keys + ["finetuning_type=\(type)", "learning_rate=0.005"]
                + (type == "lora" ? ["adapter_name_or_path=\(project.path)/adapter"] : [])
            let asked = try project.history(keys)
            let kept = try project.history(keys + ["precompute_ref_log_probs=true"])
            #expect(asked.count == kept.count && asked.count == 5)
            for (a, b) in zip(asked, kept).dropLast() {
                let (first, second) = (a["loss"] ?? .nan, b["loss"] ?? .nan)
                #expect(abs(first - second) < 1e-6, "\(type), step \(a.step): \(first) \(second)")
            }
        }
    }

    private static let pairs = ["stage=dpo", "dataset=pairs", "learning_rate=0.005"]

    private func expectTheNumbersOfARunThatAsks(_ keys: [String]) throws {
        let project = try ToyProject()
        let asked = try project.history(keys).compactMap { $0["loss"] }
        let kept = try project.history(keys + ["precompute_ref_log_probs=true"])
            .compactMap { $0["loss"] }
        #expect(asked.count == kept.count && asked.count > 4)
        for (a, b) in zip(asked, kept) { #expect(abs(a - b) < 1e-6, "\(asked) \(kept)") }
    }

    @Test func rowsThatOneEpochLeavesOutAreScoredToo() throws {
        try expectTheNumbersOfARunThatAsks(
            Self.pairs + [
                "max_samples=7", "dataloader_drop_last=true", "num_train_epochs=4",
                "gradient_accumulation_steps=1",
            ])
    }

    /// Runs with the same files, whose references are not the same.
    @Test func scoresOfAnotherReferenceAreNotTaken() throws {
        let project = try ToyProject()
        let keys =
            Self.pairs + [
                "precompute_ref_log_probs=true", "adapter_name_or_path=\(project.path)/adapter",
            ]
        func first(_ more: String...) throws -> (loss: Double?, margin: Double?, isTaken: Bool) {
            var heard: [String] = []
            let history = try project.history(keys + more) { heard.append($0) }
            return (
                history.first?["loss"], history.first?["rewards/margins"],
                heard.contains { $0.contains("The scores of the reference are those of") }
            )
        }
        let base = try first()
        #expect(!base.isTaken && base.margin != 0)
        let merged = try first("create_new_adapter=true")
        #expect(!merged.isTaken && abs((merged.loss ?? 0) - log(2)) < 1e-6)
        let start = try first("ref_policy=start")
        #expect(!start.isTaken && start.margin == 0)
        let wide = try first("ref_policy=base", "bf16=true")
        #expect(!wide.isTaken)
        // The bare base under whatever name.
        let named = try first("ref_policy=base")
        #expect(named.isTaken && named.loss == base.loss && named.margin == base.margin)
        let model = try first("ref_model=\(project.path)/model")
        #expect(model.isTaken && model.loss == base.loss && model.margin == base.margin)
    }

    /// Two micro-batches of two rows with two answers each; with an evaluation those of all rows.
    @Test func onlyWhatTheRunWillSeeIsAskedAbout() throws {
        let project = try ToyProject()
        func scored(_ more: String...) throws -> [String] {
            var heard: [String] = []
            _ = try project.history(
                Self.pairs + ["precompute_ref_log_probs=true", "max_steps=1"] + more
            ) { heard.append($0) }
            return heard.filter { $0.hasPrefix("The reference has scored") }
        }
        #expect(try scored().first?.hasPrefix("The reference has scored 8 answers;") == true)
        #expect(try scored() == [])
        // What is known stays.
        #expect(
            try scored("eval_dataset=pairs", "eval_strategy=steps").first?
                .hasPrefix("The reference has scored 8 answers;") == true)
    }

    @Test func aRequestToStopIsHeard() throws {
        let project = try ToyProject()
        let (stop, keys) = (StopFlag(), Self.pairs + ["precompute_ref_log_probs=true"])
        let error = #expect(throws: FledgeError.self) {
            try TrainingRecipe(
                project.configuration(keys), stop: stop, cache: project.cache,
                announce: { if $0.hasPrefix("Training 8 rows") { stop.set() } }
            ).run()
        }
        #expect(error?.code == .interrupted)
        let record = try JSONValue(contentsOf: project.path + "/out/fledge_run.json")
        #expect(record["state"] == "interrupted" && record["step"] == 0)
        #expect(try project.history(keys).count == 5)
    }

    private func batch(_ words: [Int32], shares: Bool = false) -> AnswerBatch {
        let samples = words.map { word in
            ProcessedSample(
                inputIDs: [4, 5, 6, 7, 8, 9, 10, 11, 12, word],
                labels: [
                    -100, -100, -100, -100, -100, -100, -100, -100, -100, word,
                ], source: .init(file: "rows"))
        }
        let pairs = zip(samples, samples.reversed()).map {
            PairwiseSample(chosen: $0, rejected: $1, promptCount: 9)
        }
        return PreferenceCollator(sharesPrefixes: shares).batch(pairs).answers
    }

    @Test func answersAreKnownByTheirContent() throws {
        let model = try TinyModel.make()
        let table = KeptReference(ModelReference(model))
        let plain = batch([13, 14])
        let first = try table.scores(plain)
        #expect(table.count == 2)
        // Also where they share their question, and in another order.
        let shared = try table.scores(batch([14, 13], shares: true))
        #expect(shared == [first[1], first[0], first[3], first[2]] && table.count == 2)
        table.finish()
        #expect(try table.scores(plain) == first)
        #expect(throws: FledgeError.self) { try table.scores(batch([15, 16])) }
    }

    @Test func tablesOfOtherModelsAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/table"
        let model = try TinyModel.make()
        let table = KeptReference(ModelReference(model))
        let scores = try table.scores(batch([13, 14]))
        try table.save(to: path, digest: "a")
        let other = KeptReference(ModelReference(model))
        #expect(throws: FledgeError.self) { try other.load(from: path, digest: "b") }
        try other.load(from: path, digest: "a")
        other.finish()
        #expect(try other.scores(batch([13, 14])) == scores)
    }
}
