import Fledge

let checkpoint = try Checkpoint(path: CommandLine.arguments[1])
let (tokenizer, template) = try checkpoint.tokenizer(template: "smollm2")
let model = try checkpoint.causalLM(storing: .float32)
let adapters = try model.attach(LoRA(rank: 8, alpha: 16, targets: .allLinear), seed: 42)

let rows = try DatasetLoader.rows(alpaca: "Examples/data/identity.json")
let processor = try SupervisedProcessor(
    tokenizer: tokenizer, template: template, cutoffLength: 1024)
let (train, held) = try processor.process(rows).split(evaluation: 0.05, seed: 42)

let trainer = Trainer(
    ObjectiveStage(model, TokenCrossEntropy()),
    optimizer: AdamW(weightDecay: 0.01),
    schedule: .cosine(peak: 1e-3, warmup: 4, total: 40),
    accumulation: 2,
    evaluation: .every(20),
    callbacks: [ProgressPrinter(), CheckpointSaver("runs/loop", .every(20), saving: adapters)])

try trainer.fit(
    Epochs(train, batchSize: 4, seed: 42),
    evaluating: Epochs(held, batchSize: 4, shuffles: false), steps: 40)
try Folder.create("runs/loop/adapter")
try adapters.save(to: "runs/loop/adapter")
