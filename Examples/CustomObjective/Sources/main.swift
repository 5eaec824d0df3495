import Fledge
import Foundation

/// Cross-entropy that looks away from tokens the model already knows (focal loss, Lin et al. 2017):
/// `Σ (1 − p)^γ · (−ln p)`.
struct FocalCrossEntropy: Objective {
    var gamma = 2.0

    func callAsFunction(
        _ model: some CausalLM, _ batch: TokenBatch, _ pass: ForwardPass
    ) throws -> Loss {
        let hidden = model.hiddenStates(batch, pass)
        let logProbabilities = tokenLogProbabilities(hidden, head: model.head, batch.supervision)
        let losses = mapped(logProbabilities) { logP in
            let p = exp(logP)
            let rest = 1 - p
            let value = -pow(rest, gamma) * logP
            let derivative = gamma * pow(rest, gamma - 1) * p * logP - pow(rest, gamma)
            return (value, derivative)
        }
        return Loss(sum: sum(losses), weight: batch.supervision.totalWeight)
    }
}

let checkpoint = try Checkpoint(path: CommandLine.arguments[1])
let (tokenizer, template) = try checkpoint.tokenizer(template: "smollm2")
let model = try checkpoint.causalLM()
try model.attach(LoRA(rank: 8), seed: 42)

let rows = try DatasetLoader.rows(alpaca: "Examples/data/identity.json")
let samples = try SupervisedProcessor(tokenizer: tokenizer, template: template).process(rows)
    .samples
let trainer = Trainer(
    ObjectiveStage(model, FocalCrossEntropy()), schedule: .constant(1e-3),
    callbacks: [ProgressPrinter()])
try trainer.fit(Epochs(samples, batchSize: 4), steps: 5)
