import Fledge
import FledgeTesting
import Foundation
import Testing

/// Reward models as the judges of answers, and what is chosen.
@Suite struct RewardChoiceTests {
    private let project: ToyProject

    init() throws { project = try ToyProject() }

    private func configuration(_ keys: [String]) throws -> RunConfiguration {
        try project.configuration(["stage=ppo", "dataset=toy"] + keys)
    }

    /// The toy rows with their own answers, as a policy would have given them.
    private func answers(_ configuration: RunConfiguration, _ text: TextSide) throws
        -> [JudgedAnswer]
    {
        var options = DatasetOptions()
        (options.folder, options.names) = (project.path + "/data", ["toy"])
        let processor = try PromptProcessor(
            tokenizer: text.tokenizer, template: text.template, cutoffLength: 32, keepsRows: true)
        var report = DataReport()
        return try DatasetLoader(options).load().train.compactMap { row in
            try processor.sample(row, &report).map { sample in
                JudgedAnswer(
                    promptIDs: sample.promptIDs, answerIDs: sample.responseIDs, text: "",
                    answer: row.response[0].content, row: sample.row)
            }
        }
    }

    /// What `fledge score` gives the same rows.
    private func expected(_ keys: [String]) throws -> [Double] {
        var scores: [Double] = []
        let run = try project.configuration(
            ["stage=rm", "dataset=toy", "do_train=false"] + keys)
        try RewardScoring(run).run { scores.append($0["score"]?.doubleValue ?? .nan) }
        return scores
    }

    private func scores(_ keys: [String]) throws -> (scores: [Double], notes: [String]) {
        let run = try configuration(keys)
        let (text, side) = (try TextSide(run), try ModelSide(training: run))
        let choice = try RewardChoice(side, text, run, environment: [:])
        let answers = try answers(run, text)
        // 10 tokens of question and 6 of answer to the policy, as many in a batch as there are.
        let own = choice.scoring?.largestPass([], length: 10, newTokens: 6, answers: 2)
        #expect(own == choice.scoring.map { 16 * min($0.batchSize, 2) })
        guard let reward = choice.source as? RewardModel else { return ([], choice.notes) }
        #expect(choice.companions.count == 1)
        return (try reward.scores(answers), choice.notes)
    }

    private func expectClose(_ found: [Double], _ expected: [Double]) {
        #expect(found.count == expected.count && !found.isEmpty)
        for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-5, "\(a) \(b)") }
    }

    @Test(arguments: [1, 3, 8]) func aModelOfItsOwnScoresAsFledgeScoreDoes(batch: Int) throws {
        let found = try scores([
            "reward_model=\(project.path)/model", "reward_model_type=full",
            "reward_model_adapters=\(project.path)/adapter",
            "per_device_eval_batch_size=\(batch)",
        ])
        expectClose(
            found.scores, try expected(["adapter_name_or_path=\(project.path)/adapter"]))
        #expect(found.notes.count == 1 && found.notes[0].contains("value head of"))
    }

    @Test func anAdapterStandsInOnThePolicysWeights() throws {
        let run = try configuration(["reward_model=\(project.path)/adapter"])
        let (text, side) = (try TextSide(run), try ModelSide(training: run))
        for parameter in side.adapters?.parameters ?? [] {
            parameter.value = TinyModel.tensor(parameter.name + "x", parameter.value.shape)
        }
        let layout = SequenceLayout(lengths: [5])
        let states = {
            side.model.hiddenStates([5, 6, 7, 8, 9], layout: layout, ForwardPass(.float32))
        }
        let before = states().scalars()
        let choice = try RewardChoice(side, text, run, environment: [:])
        let reward = try #require(choice.source as? AdapterReward)
        let answers = try answers(run, text)
        let found = try reward.scores(answers)
        expectClose(
            found, try expected(["adapter_name_or_path=\(project.path)/adapter"]))
        // The policy is as it was, to the bit, and what is trained is the same.
        #expect(states().scalars() == before)
        #expect(side.model.trainableParameters.count == side.adapters?.parameters.count)
        #expect(side.model.linears.contains { $0.adapter != nil })
        #expect(choice.companions.isEmpty)
        // An error in between leaves nothing behind either.
        var long = answers[0]
        long.answerIDs = Array(repeating: 5, count: 100)
        let error = #expect(throws: FledgeError.self) { try reward.scores([long]) }
        #expect(error?.message.contains("sees at most 64") == true)
        #expect(states().scalars() == before)
    }

    @Test func anotherTokenizerWritesAnew() throws {
        let folder = project.path + "/reward"
        try TinyProject.writeModel(to: folder)
        try ValueHead(channels: 16, seed: 5).save(to: folder)
        let found = try scores([
            "reward_model=\(folder)", "reward_model_type=full", "reward_template=chatml",
        ])
        expectClose(
            found.scores,
            try expected(["model_name_or_path=\(folder)", "template=chatml", "cutoff_len=400"]))
        #expect(found.notes.contains { $0.contains("written anew") })
        try expectOwnLength(folder)
        // Without rows there is nothing to write.
        let run = try configuration([
            "reward_model=\(folder)", "reward_model_type=full", "reward_template=chatml",
        ])
        let (text, side) = (try TextSide(run), try ModelSide(training: run))
        let reward = try #require(
            RewardChoice(side, text, run, environment: [:]).source as? RewardModel)
        var answer = try answers(run, text)[0]
        answer.row = nil
        let error = #expect(throws: FledgeError.self) { try reward.scores([answer]) }
        #expect(error?.message.contains("only the policy's tokens are known") == true)
    }

    /// In tokens of its own a question may be longer, and answers count as much more.
    private func expectOwnLength(_ folder: String) throws {
        let run = try configuration([
            "reward_model=\(folder)", "reward_model_type=full", "reward_template=chatml",
            "per_device_eval_batch_size=4",
        ])
        let (text, side) = (try TextSide(run), try ModelSide(training: run))
        let choice = try RewardChoice(side, text, run, environment: [:])
        let scoring = try #require(choice.scoring)
        #expect(scoring.model === choice.companions[0])
        let questions = try answers(run, text).map {
            PromptSample(
                promptIDs: $0.promptIDs, responseIDs: [], source: .init(file: "toy"), row: $0.row)
        }
        let shortest = try #require(questions.map(\.promptIDs.count).min())
        let pass = scoring.largestPass(questions, length: shortest, newTokens: 5, answers: 9)
        #expect(pass > 4 * (shortest + 5) && pass.isMultiple(of: 4))
    }

    @Test func longAndStrangeAnswersAreErrors() throws {
        let model = try TinyModel.make()
        let reward = try RewardModel(model, head: ValueHead(channels: 16, seed: 1))
        func error(_ ids: [Int32]) -> FledgeError? {
            #expect(throws: FledgeError.self) {
                try reward.scores([
                    JudgedAnswer(promptIDs: [], answerIDs: ids, text: "", answer: "")
                ])
            }
        }
        #expect(error(Array(repeating: 3, count: 65))?.message.contains("at most 64") == true)
        #expect(error([24])?.message.contains("none for the id 24") == true)
        #expect(error([-1])?.code == .mismatch)
        #expect(error([])?.code == .data)
        #expect(try reward.scores([]).isEmpty)
    }

    @Test func whatIsKnownOfTheModelIsSaid() throws {
        let path = project.path + "/adapter/all_results.json"
        let keys = ["reward_model=\(project.path)/adapter"]
        func notes() throws -> [String] {
            let run = try configuration(keys)
            return try RewardChoice(
                ModelSide(training: run), TextSide(run), run, environment: [:]
            ).notes
        }
        #expect(try notes().count == 1)
        try AtomicFile.write("{\"eval_accuracy\": 0.4}", to: path)
        #expect(try notes().last?.contains("Warning: the reward model") == true)
        #expect(try notes().last?.contains("40.0% of the pairs that were held out") == true)
        try AtomicFile.write("{\"eval_accuracy\": 0.75}", to: path)
        #expect(try notes().last?.hasPrefix("The reward model in") == true)
        try AtomicFile.write("no JSON", to: path)
        #expect(try notes().count == 1)
    }

    @Test func rulesAndModelsAreAdded() async throws {
        let run = try configuration([
            "reward_model=\(project.path)/adapter",
            "reward_rules=[{type: length, max: 1000, weight: 2}]",
        ])
        let (text, side) = (try TextSide(run), try ModelSide(training: run))
        let choice = try RewardChoice(side, text, run, environment: [:])
        let rewards = try await choice.source.rewards(answers(run, text))
        for reward in rewards {
            #expect(reward.parts["length"] == 1 && reward.parts["rules"] == 2)
            #expect(reward.score == (reward.parts["model"] ?? 0) + 2)
        }
        #expect(choice.notes.count == 2)
        let none = try configuration([])
        let error = #expect(throws: FledgeError.self) {
            try RewardChoice(side, text, none, environment: [:])
        }
        #expect(error?.message.contains("Nothing judges") == true)
    }

    @Test func whatIsMissingIsTold() throws {
        func error(_ keys: String...) -> FledgeError? {
            #expect(throws: FledgeError.self) {
                let run = try configuration(keys)
                _ = try RewardChoice(
                    ModelSide(training: run), TextSide(run), run, environment: [:])
            }
        }
        #expect(error("reward_model=\(project.path)/none")?.code == .fileNotFound)
        let headless = error("reward_model=\(project.path)/model", "reward_model_type=full")
        #expect(headless?.message.contains("There is no value head") == true)
    }

    @Test func keysThatContradictEachOther() throws {
        let cases: [(String, String)] = [
            ("reward_model: adapter\nreward_model_type: api", "begins with http"),
            ("reward_model: http://a/\nreward_model_type: full", "is an address"),
            ("reward_model: a\nfinetuning_type: full", "cannot be lora"),
            (
                "reward_model: a\nreward_model_type: full\nreward_model_quantization_bit: 3",
                "4 or 8"
            ),
            ("reward_model: a\nreward_model_type: full\nreward_template: nome", "reward_template"),
            ("reward_rules: 3", "expected a list"),
            ("reward_rules: [{type: regex, pattern: '('}]", "is no regular expression"),
            (
                "reward_rules: [{type: equals, column: c}]\ntokenized_path: t",
                "which `tokenized_path` does not have"
            ),
            ("reward_retries: -1", "from 0 on"), ("reward_concurrency: 0", "from 1 on"),
            ("reward_timeout: 0", "above 0"),
        ]
        for (yaml, part) in cases {
            let error = #expect(throws: FledgeError.self, "\(yaml)") {
                try RunConfiguration(
                    yaml: "model_name_or_path: m\nstage: own\n" + yaml, file: "run.yaml",
                    methods: .standard + [OwnMethod()], environment: [:])
            }
            #expect(error?.message.contains(part) == true, "\(yaml): \(error as Any)")
            #expect((error?.location?.line ?? 0) >= 3, "\(yaml): \(error as Any)")
        }
        // A token is neither kept nor shown.
        let run = try configuration(["reward_model_token=s3cret"])
        #expect(run.rewards.token == "s3cret")
        #expect(!run.json.serialized().contains("s3cret"))
    }
}
