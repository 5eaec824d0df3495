import Fledge
import FledgeTesting
import Testing

/// A key that is named as without effect has none in that run, and one that is not named has one.
@Suite struct KeyConditionTests {
    struct Situation: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let keys: [String]

        init(_ name: String, _ keys: [String]) { (testDescription, self.keys) = (name, keys) }
    }

    private static let pairs = ["stage=dpo", "dataset=pairs"]
    private static let whole = ["finetuning_type=full"]
    private static let evaluated = ["val_size=3", "eval_strategy=steps", "eval_steps=1"]

    static let situations: [Situation] = [
        Situation("pre-training", ["stage=pt"]), Situation("sft", []),
        Situation("sft with an anchor", ["use_asft_loss=true"]),
        Situation("a reward model", ["stage=rm", "dataset=pairs"]), Situation("dpo", pairs),
        Situation("orpo", pairs + ["pref_loss=orpo"]),
        Situation("simpo", pairs + ["pref_loss=simpo"]),
        Situation("kto", ["stage=kto", "dataset=marks"]),
        Situation("dpo against the base", pairs + ["ref_policy=base"]),
        Situation(
            "dpo against four bits", pairs + ["ref_model=@model", "ref_model_quantization_bit=4"]),
        Situation("a constant rate", ["lr_scheduler_type=constant"]),
        Situation(
            "a rate that follows", evaluated + ["lr_scheduler_type=reduce_lr_on_plateau"]),
        Situation(
            "no schedule", ["optim=schedule_free_adamw", "lr_scheduler_type=constant"]),
        Situation("no moments", ["optim=sgd"]), Situation("no divisor", ["optim=lion_32bit"]),
        Situation("a part of all weights", whole + ["use_badam=true", "badam_mode=ratio"]),
        Situation("a block at a time", whole + ["use_badam=true"]),
        Situation("an adapter that goes on", ["adapter_name_or_path=@adapters/first"]),
        Situation("eight bits", ["quantization_bit=8"]),
        Situation("four bits", ["quantization_bit=4"]),
        Situation(
            "evaluations as often as logs",
            ["logging_strategy=epoch", "val_size=3", "eval_strategy=steps"]),
        Situation("no evaluation", ["save_strategy=steps", "save_steps=2", "val_size=3"]),
    ]

    /// A key with a condition, set to a value with which it has an effect somewhere.
    private struct Candidate {
        let name: String
        let word: String
        let beside: [String]

        init?(_ name: String, in workshop: Workshop) {
            guard RunOption.named(name)?.condition != nil, let variation = Variation.all[name],
                variation.watched == .run || variation.watched == .rows
            else { return nil }
            self.name = name
            word = "\(name)=" + variation.value.replacing("@", with: workshop.project.path + "/")
            beside = variation.watched == .run ? variation.beside : ["?"]
        }
    }

    @Test(arguments: situations)
    func whatIsNamedIsIdleAndWhatIsNotHasAnEffect(_ situation: Situation) throws {
        let workshop = try Workshop()
        let keys = situation.keys.map { $0.replacing("@", with: workshop.project.path + "/") }
        let set = Set(keys.map { $0.prefix { $0 != "=" } })
        /// The keys that are named as idle; nil where the configuration is refused.
        func idle(_ words: [String]) throws -> [String]? {
            let run = try? workshop.configuration(keys + words, .training)
            return run.map { run in
                words.map { String($0.prefix { $0 != "=" }) }.filter { name in
                    run.notes.contains { $0.contains(" \(name) (matters with ") }
                }
            }
        }
        let before = try workshop.look(.run, keys)
        var together: [String] = []
        var shown = 0
        for name in Variation.all.keys.sorted() where !set.contains(name[...]) {
            guard let candidate = Candidate(name, in: workshop),
                let named = try idle([candidate.word])
            else { continue }
            if !named.isEmpty {
                if try idle(together + [candidate.word])?.count == together.count + 1 {
                    together.append(candidate.word)
                } else {
                    let after = try workshop.look(.run, keys + [candidate.word])
                    #expect(before == after, "\(candidate.word) has an effect")
                }
            } else if Set(candidate.beside).isSubset(of: situation.keys + Self.base) {
                let after = try workshop.look(.run, keys + [candidate.word])
                #expect(before != after, "\(candidate.word) has no effect")
                shown += 1
            }
        }
        let after = try workshop.look(.run, keys + together)
        #expect(before == after, "of \(together) something has an effect")
        #expect(together.count > 10 && shown > 2, "\(together.count) \(shown)")
    }

    /// What the workshop sets itself.
    private static let base = ["finetuning_type=lora", "stage=sft"]

    @Test func conditionsAreTold() {
        let explained = { (key: String) in RunOption.named(key)?.explanation ?? "" }
        #expect(
            explained("pref_bco_weight").contains(
                "matters with stage: dpo and pref_loss other than orpo or simpo only"))
        #expect(
            explained("weight_decay").contains(
                "matters with use_badam other than true, or with badam_mode: layer only"))
        #expect(explained("use_dft_loss").contains("matters with stage: sft only"))
        #expect(
            explained("logging_steps").contains(
                "with eval_strategy: steps and (no eval_steps or eval_steps: 0) only"))
        #expect(explained("lr_scheduler_kwargs").contains("timescale: a whole number from 1 on"))
    }

    /// The keys and values of conditions are some that there are.
    @Test func ownersOfKeysAreKeys() throws {
        typealias Owner = (key: String, words: [String])
        func owners(_ condition: RunOption.Condition) -> [Owner] {
            switch condition {
            case .value(of: let key, let words): return [(key, words)]
            case .read: return []
            case .not(let other): return owners(other)
            case .all(let several), .any(let several): return several.flatMap { owners($0) }
            }
        }
        for option in RunOption.all {
            let all: [Owner] = option.condition.map { owners($0) } ?? []
            for owned in all {
                let (key, words) = (owned.key, owned.words)
                let owner = try #require(RunOption.named(key), "\(option.name): \(key)")
                #expect(key != option.name)
                switch owner.kind {
                case .flag: #expect(Set(words).isSubset(of: ["true", "false"]), "\(option.name)")
                case .choice(let known):
                    #expect(Set(words).isSubset(of: known), "\(option.name)")
                default: break
                }
            }
            guard !option.name.hasPrefix("ppo_"), !option.name.hasPrefix("reward_") else {
                continue
            }
            #expect(!option.help.contains("atters with"), "\(option.name)")
        }
    }

    /// Keys of what is not there say with what they would matter, and those of what is there that they
    /// do not.
    @Test(arguments: [
        ("swanlab_project: mine", "swanlab_project (matters with use_swanlab: true)"),
        ("sglang_maxlen: 8", "sglang_maxlen (matters with infer_backend: sglang)"),
        ("export_quantization_maxlen: 8", "(matters with export_quantization_bit)"),
        ("length_penalty: 2", "length_penalty (matters with num_beams other than 1)"),
        ("generation_max_length: 8", "(matters with predict_with_generate: true)"),
        (
            "generation_max_length: 8\npredict_with_generate: true\nval_size: 0.5",
            "Without effect here: generation_max_length."
        ),
        ("ddp_timeout: 8", "Without effect here: ddp_timeout."),
    ]) func idleKeysSayWithWhatTheyMatter(_ lines: String, _ words: String) throws {
        let run = try RunConfiguration(
            yaml: "model_name_or_path: m\ntemplate: chatml\ndataset: d\n" + lines,
            file: "run.yaml", environment: [:])
        #expect(run.notes.first?.contains(words) == true, "\(run.notes)")
        #expect(
            RunOption.named("oft_rank")?.explanation.contains(
                "matters with finetuning_type: oft only") == true)
        #expect(RunOption.listing.contains("Matters with use_kt: true only."))
    }

    @Test func aProgramsMethodIsItsStage() {
        #expect(RunConfiguration(method: OwnMethod()).json["stage"] == "own")
        #expect(RunConfiguration().finetuning.stage == "sft")
    }

    /// Nothing is known of what a method of one's own reads, unless it says so.
    @Test func methodsOfOnesOwnReadWhatTheySay() throws {
        func notes(_ method: OwnMethod) throws -> [String] {
            try RunConfiguration(
                yaml: "model_name_or_path: m\ntemplate: chatml\nstage: own\npref_beta: 0.7",
                file: "run.yaml", overrides: ["pref_ftx=1", "train_on_prompt=true"],
                methods: .standard + [method], environment: [:]
            ).notes
        }
        #expect(try notes(OwnMethod()).isEmpty)
        #expect(
            try notes(OwnMethod(reads: [.dialogues])).first?.contains(
                "pref_beta (matters with stage: dpo or kto), pref_ftx") == true)
        #expect(throws: FledgeError.self) { try notes(OwnMethod(reads: [])) }
    }
}

/// Pairs that are trained by the sigmoid's loss without a reference, with a key of its own.
struct OwnMethod: TrainingMethod {
    typealias Sample = PairwiseSample

    var reads: Set<KeyGroup> = Set(KeyGroup.allCases).subtracting([.generation])
    var name: String { "own" }
    var rows: RowTraits { RowTraits(isRanking: true, learnsLastAnswer: true) }
    var keys: [RunOption] {
        [RunOption("own_width", .number(.above(0)), 1.0, .effective, "A width.")]
    }

    func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<PreferenceBatch> {
        TrainingParts(
            side,
            PreferenceOptimization(loss: SimplePreference(beta: configuration.preference.beta)),
            seed: 1, usesDropout: false)
    }
}
