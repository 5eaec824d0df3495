import Fledge
import FledgeTesting
import Foundation
import Testing

/// Every key that is called effective has an effect that can be seen in what a run makes.
@Suite struct EffectTests {
    @Test(arguments: RunOption.all.filter(\.isEffective).map(\.name))
    func theKeyChangesWhatIsMade(_ key: String) throws {
        if let choices = RunOption.named(key)?.choices, choices.count == 1 { return }
        guard Variation.synonyms[key] == nil else { return }
        let variation = try #require(
            Variation.all[key], "\(key) is effective, but nothing here shows its effect")
        let workshop = try Workshop()
        let before = try workshop.look(variation.watched, variation.beside)
        let value = variation.value.replacing("@", with: workshop.project.path + "/")
        let after = try workshop.look(variation.watched, variation.beside + ["\(key)=\(value)"])
        #expect(before != after, "\(key)=\(value) changes nothing in \(variation.watched)")
    }

    @Test func nothingElseChanges() throws {
        // The looks themselves are repeatable; otherwise every key would seem to have an effect.
        let workshop = try Workshop()
        for part in [Workshop.Part.run, .rows, .chat, .export] {
            let beside = part == .run ? ["bf16=true", "val_size=3", "eval_strategy=epoch"] : []
            let first = try workshop.look(part, beside)
            for more in [[], ["dataloader_num_workers=3"]] {
                let again = try workshop.look(part, beside + more)
                #expect(again.difference(from: first).isEmpty, "\(part)")
            }
        }
    }

    @Test func theTableNamesNothingElse() {
        for key in Variation.all.keys {
            #expect(RunOption.named(key)?.isEffective == true, "\(key)")
        }
        for key in Variation.synonyms.keys {
            #expect(
                RunOption.named(key)?.isEffective == true && Variation.all[key] == nil, "\(key)")
        }
    }
}

/// A project with adapters, caches and data of all kinds, in which runs are compared.
final class Workshop {
    /// What is looked at.
    enum Part { case run, rows, chat, export }

    let project: TinyProject
    private var count = 0

    init() throws {
        project = try TinyProject()
        try writeData()
        try writePreferences()
        try writeRewards()
        var other = TinyProject.configuration
        other.intermediateSize = 40
        try TinyProject.writeModel(to: project.file("other-model"), other)
        try FamilyModel.write("mixtral", to: project.file("experts"))
    }

    /// What the run of a configuration makes, without what names its folder or tells the time.
    func look(_ part: Part, _ more: [String]) throws -> [String] {
        let more = more.map { $0.replacing("@", with: project.path + "/") }
        switch part {
        case .run: return try look(atRun: more)
        case .rows: return try look(atRows: more)
        case .chat: return try look(atChat: more)
        case .export: return try look(atExport: more)
        }
    }

    func configuration(
        _ more: [String], _ purpose: RunConfiguration.Purpose
    ) throws -> RunConfiguration {
        let yaml = """
            model_name_or_path: \(project.path)/model
            template: chatml
            do_train: true
            dataset_dir: \(project.path)/data
            dataset: tiny
            per_device_train_batch_size: 2
            num_train_epochs: 1
            learning_rate: 0.02
            logging_steps: 2
            save_strategy: no
            do_sample: false
            max_new_tokens: 24
            """
        return try RunConfiguration(
            yaml: yaml, file: "effect.yaml", overrides: more, purpose: purpose, environment: [:])
    }

    private func look(atRun more: [String]) throws -> [String] {
        count += 1
        let folder = project.file("out-\(count)")
        // A run that leaves a checkpoint and an adapter, for keys about what is there already.
        if more.contains(where: { $0.contains("resume") || $0.contains("overwrite") }) {
            let first = [
                "output_dir=\(folder)", "max_steps=2", "save_strategy=steps", "save_steps=2",
            ]
            try TrainingRecipe(configuration(first, .training)).run()
        }
        var heard: [String] = []
        let isElsewhere = more.contains { $0.hasPrefix("output_dir=") }
        let output = isElsewhere ? [] : ["output_dir=\(folder)"]
        let run = try configuration(
            output + more.map { $0.replacing("#", with: folder) }, .training)
        try TrainingRecipe(run) { message in
            // What else this process holds is no effect of the run.
            let shown = message.replacing(#/about \d+ MiB resident/#, with: "resident")
            heard.append(shown.replacing(folder, with: "out"))
        }.run()
        var seen = heard.filter { !$0.hasPrefix("Without effect here") }
        seen += files(in: folder).sorted()
        for name in ["adapter_model.safetensors", "model.safetensors"] {
            if let weights = FileManager.default.contents(atPath: folder + "/" + name) {
                seen.append(SHA256.hexadecimal(of: Array(weights)))
            }
        }
        if let state = try? TrainerState(path: folder + "/trainer_state.json") {
            seen += state.logHistory.map { entry in
                let shown = entry.values.filter {
                    !$0.key.hasSuffix("runtime") && !$0.key.hasSuffix("per_second")
                }
                return "\(entry.step) \(shown.sorted { $0.key < $1.key })"
            }
        }
        return seen
    }

    private func look(atRows more: [String]) throws -> [String] {
        let rows: Preprocessing
        do {
            rows = try Preprocessing(configuration(more, .training), threads: 2)
        } catch let error as FledgeError where more.contains("dataset=broken") {
            return [error.description]
        }
        var seen = rows.summary
        try rows.write(.train) { seen.append($0.serialized()) }
        if more.contains(where: { $0.hasPrefix("val_size") || $0.hasPrefix("eval_dataset") }) {
            try rows.write(.validation) { seen.append("held out: " + $0.serialized()) }
        }
        return seen
    }

    private func look(atChat more: [String]) throws -> [String] {
        let run = try configuration(more, .inference)
        let text = try TextSide(run)
        var session = ChatSession(run, text, try ModelSide(inference: run).model)
        return try ["tiny 1?", "tiny 2?"].map { question in
            let reply = try session.ask(question)
            return "\(reply.ids) \(reply.text)"
        }
    }

    private func look(atExport more: [String]) throws -> [String] {
        let folder = project.file("merged")
        try? FileManager.default.removeItem(atPath: folder)
        let isElsewhere = more.contains { $0.hasPrefix("export_dir=") }
        let output = isElsewhere ? [] : ["export_dir=\(folder)"]
        try ModelExport(configuration(output + more, .inference)).run()
        return files(in: folder).sorted().map { name in
            let bytes = FileManager.default.contents(atPath: folder + "/" + name) ?? Data()
            return name + " " + SHA256.hexadecimal(of: Array(bytes))
        }
    }

    private func files(in folder: String) -> [String] {
        (FileManager.default.enumerator(atPath: folder)?.allObjects as? [String]) ?? []
    }
}
