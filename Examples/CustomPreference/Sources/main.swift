import Fledge

/// A loss of pairs: better answers should be more probable than worse ones by `e` to the power of
/// `distance`, compared with the start; what is so already is left alone.
struct Margin: PreferenceLoss {
    var beta = 1.0
    var distance = 2.0

    func callAsFunction(_ scores: PreferenceScores) -> Tensor {
        mapped(scores.margins) { margin in
            margin < distance ? (distance - margin, -1) : (0, 0)
        }
    }
}

let checkpoint = try Checkpoint(path: CommandLine.arguments[1])
let (tokenizer, template) = try checkpoint.tokenizer(template: "smollm2")
let model = try checkpoint.causalLM()
try model.attach(LoRA(rank: 8), seed: 42)

let rows = try DatasetLoader.rows(alpaca: "Examples/data/identity.json").map { row in
    var pair = row
    pair.response.append(Message(.assistant, "I am a large language model."))
    return pair
}
let pairs = try PairwiseProcessor(tokenizer: tokenizer, template: template).process(rows).samples
let collator = PreferenceCollator(sharesPrefixes: true)
let batches = Epochs(pairs, batchSize: 4) { picked, epoch in
    collator.batch(picked.map(\.sample), indices: picked.map(\.index), epoch: epoch)
}
let objective = PreferenceOptimization(loss: Margin(), reference: PolicyWithoutAdapters(model))
let trainer = Trainer(
    ObjectiveStage(model, objective), schedule: .constant(1e-3), callbacks: [ProgressPrinter()])
try trainer.fit(batches, steps: 5)
