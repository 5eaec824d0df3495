import Fledge
import FledgeTesting

// Conformers from outside: what they do is checked, so that a protocol that lacks something is seen.

func check(_ condition: Bool, _ message: String) {
    guard !condition else { return }
    print("error: \(message)")
    preconditionFailure(message)
}

let project = try TinyProject()
let pairs: JSONValue = .array(
    (0..<6).map {
        [
            "instruction": .string("so \($0)?"), "chosen": .string("ab"), "rejected": .string("cd"),
        ]
    })
try AtomicFile.write(pairs.serialized(), to: project.file("data/pairs.json"))
try AtomicFile.write(
    """
    {"pairs": {"file_name": "pairs.json", "ranking": true,
     "columns": {"prompt": "instruction", "chosen": "chosen", "rejected": "rejected"}}}
    """, to: project.file("data/dataset_info.json"))

// A method of one's own, from the keys of a file to the adapter.
let configuration = try RunConfiguration(
    yaml: """
        stage: margin
        margin_width: 2
        model_name_or_path: \(project.file("model"))
        template: chatml
        do_train: true
        dataset_dir: \(project.file("data"))
        dataset: pairs
        per_device_train_batch_size: 2
        num_train_epochs: 8
        learning_rate: 0.05
        logging_steps: 1
        output_dir: \(project.file("out"))
        """, file: "margin.yaml", methods: .standard + [MarginTraining()])
let recorder = Recorder()
var heard: [String] = []
try TrainingRecipe(configuration, callbacks: [recorder]) { heard.append($0) }.run()
check(heard.contains("Answers shall win by 2.0."), "the method's note is not told")
check(recorder.losses.first == 2, "the loss of the start is not the margin")
check((recorder.losses.last ?? 2) < 1, "the margin does not grow: \(recorder.losses)")
check(RunPlanner(configuration).run().cost != nil, "the method cannot be planned")

// An arrangement of one's own: the same of loaded and of streamed rows.
let rows = (0..<5).map { index in
    AlignedSample(
        prompt: [Message(.user, "so \(index)?")], response: [Message(.assistant, "answer \(index)")]
    )
}
let neighbours = NeighbourPairs(
    processor: try PairwiseProcessor(
        tokenizer: TinyProject.tokenizer(), template: TemplateCatalog.named("chatml")))
let loaded = try neighbours.loaded(rows)
let answers = [loaded[3].rejected, loaded[2].chosen].map { $0.labels.filter { $0 >= 0 } }
check(answers[0] == answers[1] && !answers[0].isEmpty, "the neighbour is another row")
let streamed = try neighbours.samples(of: RowSet(streaming: GivenRows(rows: rows), seed: nil))
var report = DataReport()
let again = try (0..<5).map { try streamed.sample(epoch: 0, place: $0, &report) }
check(again == Array(loaded), "streamed rows are arranged in another way")

// A stage with a state of its own: a run that goes on has it again.
func model() throws -> DecoderLM {
    let model = try TinyModel.make()
    try model.attach(LoRA(rank: 2), seed: 1)
    return model
}

func fit(
    _ stage: BalancedStage, steps: Int, in folder: String,
    saving artifact: (any ModelArtifact)? = nil,
    resuming checkpoint: TrainingCheckpoint? = nil
) throws {
    let samples = (0..<8).map { index -> ProcessedSample in
        let ids = (0..<6).map { Int32(4 + (index + $0) % 20) }
        return ProcessedSample(inputIDs: ids, labels: ids, source: .init(file: "rows"))
    }
    let callbacks: [any Callback] =
        artifact.map { [CheckpointSaver(folder, .every(2), saving: $0)] } ?? []
    let trainer = Trainer(
        stage, schedule: ConstantSchedule(0.01), callbacks: callbacks)
    try trainer.fit(Epochs(samples, batchSize: 2), steps: steps, resuming: checkpoint)
}

let whole = try BalancedStage(model())
try fit(whole, steps: 4, in: project.file("stage"))
let policy = try TinyModel.make()
let adapters = try policy.attach(LoRA(rank: 2), seed: 1)
try fit(BalancedStage(policy), steps: 2, in: project.file("stage"), saving: adapters)
let checkpoint = try TrainingCheckpoint(folder: project.file("stage/checkpoint-2"))
let resumed = BalancedStage(policy)
try fit(resumed, steps: 4, in: project.file("stage"), resuming: checkpoint)
check(resumed.batches == 4, "the state of the stage is lost: \(resumed.batches) batches")
check(abs(resumed.usualLoss - whole.usualLoss) < 1e-6, "the state of the stage differs")
// An optimizer with a state of bytes in a group of its own, beside another one; a schedule.
let weight = Parameter("weight", Tensor([1, -1] as [Float], shape: [2]), isTrainable: true)
let bias = Parameter("bias", Tensor([2] as [Float], shape: [1]), isTrainable: true)
var driver = OptimizerDriver(groups: [
    ParameterGroup("slow", [weight], SignDescent(), rateFactor: 0.5),
    ParameterGroup("adam", [bias], AdamW()),
])
for step in 1...3 {
    var gradients = Gradients()
    gradients[weight] = Tensor([1, -1] as [Float], shape: [2])
    gradients[bias] = Tensor([1] as [Float], shape: [1])
    try driver.step(gradients, rate: Halving().rate(at: step - 1), step: step)
}
check(weight.value.scalars() == [0.375, -0.375], "groups and states are not kept")
check(driver.tensors.map(\.name).contains("weight.signs"), "the state is lost")
// A family of one's own: it trains, generates, is saved and opened again.
try trainParallelFamily(in: project)
// A policy that learns by a reward, an estimator and a loss of one's own.
let learner = try TinyModel.make()
learner.makeTrainable()
let earned = try shortenAnswers(learner)
check(
    earned.suffix(5).reduce(0, +) > earned.prefix(5).reduce(0, +) + 0.5,
    "the policy does not learn: \(earned)")

// A judge of answers, and a rule among those of a file.
let short = JudgedAnswer(promptIDs: [1], answerIDs: [2], text: "?ab", answer: "ab")
var long = short
long.answerIDs = [2, 2, 2, 2]
check(try Brevity().scores([short, long]) == [1, 0.25], "a reward of one's own is not asked")
let rules = RuleReward([
    .init("calm", weight: 2, Calmness()), .init("found", try PatternRule("b$")),
])
check(try rules.rewards([short])[0].score == 3, "a rule of one's own is not added")
print(
    "conformers from outside: a loss of pairs, a method, an arrangement, a source of rows, a stage with a state, a callback, an optimizer, a schedule, a reward, a rule, an estimator of advantages, a loss of policies"
)
