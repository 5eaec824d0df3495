import Fledge
import FledgeTesting

extension Variation {
    /// A short run whose answers are judged by a model of its own.
    private static let judged = [
        "stage=ppo", "reward_model=@reward/model", "reward_model_type=full", "max_new_tokens=4",
    ]

    /// Keys of what judges answers.
    static let rewards: [String: Variation] = [
        "reward_model": .init(watched: .run, value: "@reward/other", beside: judged),
        "reward_model_type": .init(
            watched: .run, value: "full",
            beside: ["stage=ppo", "reward_model=@reward/both", "max_new_tokens=4"]),
        "reward_model_adapters": .init(watched: .run, value: "@reward/adapter", beside: judged),
        "reward_model_quantization_bit": .init(watched: .run, value: "4", beside: judged),
        "reward_template": .init(watched: .run, value: "default", beside: judged),
        "reward_rules": .init(
            watched: .run, value: "[{type: length, max: 2, weight: 3}]", beside: judged),
    ]
}

extension Workshop {
    /// Reward models: `model` and `other`, whole, `adapter`, and `both`, which is an adapter and a model in
    /// one folder.
    func writeRewards() throws {
        func head(_ seed: UInt64, _ folder: String) throws {
            try ValueHead(channels: 16, seed: seed).save(to: project.file(folder))
        }
        for (seed, folder) in [(1, "reward/model"), (2, "reward/other"), (3, "reward/both")] {
            try TinyProject.writeModel(to: project.file(folder))
            try head(UInt64(seed), folder)
        }
        for (seed, folder) in [(4, "reward/adapter"), (3, "reward/both")] {
            try Folder.create(project.file(folder))
            let model = try TinyModel.make(TinyProject.configuration)
            let adapters = try model.attach(LoRA(rank: 2, alpha: 4), seed: 1)
            for parameter in adapters.parameters {
                parameter.value = TinyModel.tensor(parameter.name, parameter.value.shape)
            }
            try adapters.save(to: project.file(folder))
            try head(UInt64(seed), folder)
        }
    }
}
