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
