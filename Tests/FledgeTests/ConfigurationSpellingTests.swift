import Fledge
import FledgeCore
import Testing

/// Ways in which people write YAML.
@Suite struct ConfigurationSpellingTests {
    private func read(_ yaml: String) throws -> RunConfiguration {
        try RunConfiguration(
            yaml: "model_name_or_path: m\nstage: sft\n" + yaml, file: "run.yaml",
            purpose: .inference, environment: [:])
    }

    @Test func mergedKeysStandBehindTheirOwn() throws {
        let merged = try read("seed: 1\n<<: {seed: 3, lora_rank: 4}\n")
        #expect(merged.training.seed == 1)
        #expect(merged.finetuning.loraRank == 4)
        let several = try read("<<: [{seed: 3}, {seed: 5, lora_rank: 7}]\n")
        #expect(several.training.seed == 3)
        #expect(several.finetuning.loraRank == 7)
        for wrong in ["<<: 3\n", "<<: [3]\n", "<<: {no_such_key: 1}\n"] {
            let error = #expect(throws: FledgeError.self) { try read(wrong) }
            #expect(error?.location?.line == 3)
        }
    }

    @Test func numbersThatTwoVersionsReadInTwoWaysAreRefused() throws {
        for text in ["010", "-010", "00"] {
            #expect(throws: FledgeError.self) { try read("seed: \(text)\n") }
        }
        for (text, value) in [("0", UInt64(0)), ("1e3", 1000), ("8.0", 8), ("1_000", 1000)] {
            #expect(try read("seed: \(text)\n").training.seed == value)
        }
    }

    @Test func adamDividesByNoZero() throws {
        #expect(throws: FledgeError.self) { try read("adam_epsilon: 0\n") }
        #expect(try read("adam_epsilon: 1e-20\n").training.adamEpsilon == 1e-20)
    }

    @Test(arguments: [
        ("[1, 2,]", "comma"), ("{\"a\": 1,}", "comma"), ("{'a': 1}", "double quotes"),
        ("{\u{201C}a\u{201D}: 1}", "double quotes"), ("// note\n[]", "comments"),
        ("[True]", "true"),
    ]) func mistakesInJSONSayWhatHelps(_ text: String, _ advice: String) throws {
        let error = #expect(throws: FledgeError.self) { try JSONValue(parsing: text) }
        #expect(error?.advice.contains(advice) == true, "\(error?.description ?? "")")
    }
}
