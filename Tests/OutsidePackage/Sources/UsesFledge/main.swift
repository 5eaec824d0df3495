import Fledge

// The umbrella brings all modules along.
let configuration = try RunConfiguration(
    yaml: "model_name_or_path: m\nlora_rank: 4", file: "inline", purpose: .inference)
precondition(configuration.finetuning.loraAlpha == 8)
let recipe = LoRA(rank: configuration.finetuning.loraRank, alpha: 8, targets: .allLinear)
let schedule = LinearSchedule(peak: configuration.training.learningRate, steps: 4)
let layout = SequenceLayout(lengths: [2, 3])
print("Fledge: \(recipe), \(schedule.rate(at: 1)), \(layout.count) tokens")
