import Fledge
import FledgeTesting
import Foundation
import Testing

/// LLaMA-Factory's own example files of the stages that train, each for one step: model, data and output
/// are a tiny project's, everything else is as it stands there.
@Suite(
    "Stock examples",
    .enabled(
        if: FileManager.default.fileExists(atPath: StockExamples.folder),
        "fetch the reference's data and examples"))
struct StockExampleTests {
    @Test func thereAreFilesOfEveryStage() throws {
        let texts = try StockExamples.files.map(StockExamples.text)
        for stage in StockExamples.stages {
            #expect(texts.contains { $0.contains("\nstage: \(stage)\n") }, "\(stage)")
        }
        #expect(texts.count > 30)
    }

    @Test(arguments: StockExamples.files)
    func oneStepIsTrained(_ name: String) throws {
        let text = try StockExamples.text(name)
        let stage = StockExamples.stages.first { text.contains("\nstage: \($0)\n") } ?? ""
        let project = try TinyProject()
        try StageSets.write(to: project.path + "/data")
        let overrides = [
            "model_name_or_path=\(project.path)/model", "dataset_dir=\(project.path)/data",
            "dataset=\(StageSets.name(of: stage))", "output_dir=\(project.path)/out",
            "max_steps=1",
        ]
        do {
            let configuration = try RunConfiguration(
                path: StockExamples.folder + "/" + name, overrides: overrides, environment: [:])
            try TrainingRecipe(configuration).run()
        } catch let error as FledgeError {
            let reason = StockExamples.absent.first { text.contains($0.key) }
            #expect(reason != nil, "\(name): \(error.description)")
            print("Not run: \(name): \(error.message)")
            return
        }
        let state = try TrainerState(path: project.path + "/out/trainer_state.json")
        #expect(state.globalStep == 1)
    }
}

/// The files, where they were fetched.
enum StockExamples {
    static let folder: String = {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["FLEDGE_CACHE"]
            ?? (environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache") + "/fledge"
        return cache + "/llamafactory-examples"
    }()

    static let stages = ["pt", "sft", "rm", "dpo", "kto"]

    /// Words of a file that ask for what there is not, and what that is. A file with one of them may be
    /// refused, by an error that names the key.
    static let absent = [
        "finetuning_type: oft": "finetuning_type", "use_kt": "use_kt",
        "use_distributed_optimizer": "megatron's keys", "mixture_of_depths": "mixture_of_depths",
        "use_llama_pro": "use_llama_pro", "use_apollo": "use_apollo", "use_galore": "use_galore",
        "use_badam": "use_badam", "use_adam_mini": "use_adam_mini", "use_muon": "use_muon",
        "loraplus_lr_ratio": "loraplus_lr_ratio", "pissa_init": "pissa_init", "fp8: true": "fp8",
        "use_v1_kernels": "use_v1_kernels", "image_max_pixels": "image_max_pixels",
    ]

    static var files: [String] {
        guard let all = FileManager.default.enumerator(atPath: folder) else { return [] }
        return all.compactMap { $0 as? String }.filter { name in
            guard name.hasSuffix(".yaml") else { return false }
            let lines = (try? text(name))?.split(separator: "\n") ?? []
            return stages.contains { lines.contains(Substring("stage: " + $0)) }
                && lines.contains("do_train: true")
        }.sorted()
    }

    static func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
    }
}
