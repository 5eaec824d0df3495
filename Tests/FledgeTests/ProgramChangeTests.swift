import Fledge
import FledgeTesting
import Testing

/// What a program sets in a configuration's parts is part of the record of its run.
@Suite struct ProgramChangeTests {
    @Test func whatAProgramSetsStandsBesideTheKeys() throws {
        var run = RunConfiguration()
        #expect(run.json["set_by_program"] == nil)
        run.training.learningRate = 0.25
        run.training.allowedChanges = ["seed", "bf16"]
        run.finetuning.loraTargets = ["q_proj", "v_proj"]
        run.model.modelPath = "folder"
        run.preference.beta = 3
        #expect(
            run.json["set_by_program"] == [
                "model.modelPath": "folder", "finetuning.loraTargets": #"["q_proj", "v_proj"]"#,
                "training.allowedChanges": "bf16, seed", "training.learningRate": "0.25",
                "preference.beta": "3.0",
            ])
        // Keys stay what somebody wrote.
        #expect(run.json["learning_rate"] == 5e-05)
        run = RunConfiguration()
        run.training.learningRate = 5e-05
        #expect(run.json["set_by_program"] == nil)
    }

    @Test func aRunThatGoesOnSaysWhatIsNotAsItWas() throws {
        let project = try ToyProject()
        func train(_ keys: [String], rate: Double? = nil) throws -> [String] {
            var heard = [String]()
            var run = try project.configuration(
                [
                    "dataset=toy", "overwrite_output_dir=false", "save_strategy=steps",
                    "save_steps=1",
                ]
                    + keys)
            if let rate { run.training.learningRate = rate }
            try TrainingRecipe(run, cache: project.cache) { heard.append($0) }.run()
            return heard
        }
        _ = try train(["max_steps=1"], rate: 0.5)
        let record = try JSONValue(contentsOf: project.path + "/out/fledge_run.json")
        #expect(record["options"]?["set_by_program"]?["training.learningRate"] == "0.5")
        let same = try train(["max_steps=2"], rate: 0.5)
        #expect(!same.contains { $0.contains("set by the program") }, "\(same)")
        let other = try train(["max_steps=3"], rate: 0.25)
        #expect(
            other.contains {
                $0.contains("training.learningRate, set by the program, was 0.5 and is 0.25")
            })
        let none = try train(["max_steps=4"])
        #expect(none.contains { $0.contains("was 0.25 and is what its key says") }, "\(none)")
    }
}
