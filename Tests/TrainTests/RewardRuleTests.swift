import FledgeCore
import FledgeData
import FledgeTrain
import Testing

/// Rules that judge answers, as `reward_rules` lists them.
@Suite struct RewardRuleTests {
    private func answer(_ text: String, tokens: Int = 4, _ columns: JSONValue = [:]) -> JudgedAnswer
    {
        var row = AlignedSample(prompt: [], response: [])
        for member in columns.members ?? [] { row.columns[member.key] = member.value }
        return JudgedAnswer(
            promptIDs: [1], answerIDs: Array(repeating: 2, count: tokens), text: text,
            answer: text, row: row)
    }

    private func score(_ rule: JSONValue, _ answer: JudgedAnswer) throws -> Double {
        try RuleReward(json: [rule]).scores([answer])[0]
    }

    private func error(_ rules: JSONValue) -> FledgeError? {
        #expect(throws: FledgeError.self) { try RuleReward(json: rules) }
    }

    @Test func patternsAreFoundAnywhere() throws {
        let rule: JSONValue = ["type": "regex", "pattern": "(?s)<think>.+</think>\\s*\\d+$"]
        #expect(try score(rule, answer("<think>a\nb</think> 42")) == 1)
        #expect(try score(rule, answer("42")) == 0)
        let caseless: JSONValue = ["type": "regex", "pattern": "YES", "ignore_case": true]
        #expect(try score(caseless, answer("oh, yes 👍🏽")) == 1)
        #expect(try score(["type": "regex", "pattern": "^$"], answer("")) == 1)
    }

    @Test func groupsAreComparedWithColumns() throws {
        let rule: JSONValue = [
            "type": "regex", "pattern": "#### *(\\S+)", "column": "target",
        ]
        #expect(try score(rule, answer("#### 1 then #### 1,000", ["target": 1000])) == 1)
        #expect(try score(rule, answer("#### 1000 then #### 1", ["target": "1000"])) == 0)
        #expect(try score(rule, answer("1000", ["target": "1000"])) == 0)
        let named: JSONValue = [
            "type": "regex", "pattern": "(?P<a>x)?(?P<b>\\d+)", "group": "b", "column": "target",
        ]
        #expect(try score(named, answer("x12 y13", ["target": 13])) == 1)
        // A group that took no part is nothing.
        let first: JSONValue = [
            "type": "regex", "pattern": "(x)?(\\d+)", "group": 1, "column": "target",
        ]
        #expect(try score(first, answer("13", ["target": "13"])) == 0)
        // Behind characters of two units.
        #expect(try score(rule, answer("😀😀 #### é😀", ["target": "e\u{301}😀"])) == 1)
    }

    @Test(arguments: [
        ("42", "42", 1.0), (" 42\n", "42.0", 1), ("1,234", "1234", 1), ("12,34", "1234", 0),
        ("-0", "0", 1), ("+5", "5", 1), ("1e3", "1000", 1), (".5", "0.50", 1), ("5.", "5", 1),
        ("9007199254740993", "9007199254740992", 0), ("007", "7", 1), ("nan", "NaN", 0),
        ("1e999", "1e998", 0), ("0x10", "16", 0), ("Paris", "paris", 0), ("", "", 1), ("", "0", 0),
        ("true", "true", 1),
    ])
    func whatIsEqual(_ text: String, _ expected: String, _ result: Double) throws {
        let rule: JSONValue = ["type": "equals", "column": "answer"]
        #expect(try score(rule, answer(text, ["answer": .string(expected)])) == result)
    }

    @Test func columnsHoldWhatJSONHolds() throws {
        let rule: JSONValue = ["type": "equals", "column": "answer", "ignore_case": true]
        #expect(try score(rule, answer("7.50", ["answer": 7.5])) == 1)
        #expect(try score(rule, answer("TRUE", ["answer": true])) == 1)
        #expect(try score(rule, answer("b", ["answer": ["a", "B"]])) == 1)
        #expect(try score(rule, answer("c", ["answer": ["a", "B"]])) == 0)
        let taken: JSONValue = [
            "type": "equals", "column": "answer", "pattern": "\\\\boxed\\{([^}]*)\\}",
        ]
        #expect(try score(taken, answer("\\boxed{1} \\boxed{ 2 }", ["answer": 2])) == 1)
        #expect(throws: FledgeError.self) { try score(rule, answer("b", ["answer": ["a": 1]])) }
        let missing = #expect(throws: FledgeError.self) { try score(rule, answer("b")) }
        #expect(missing?.message.contains("no column answer") == true)
        var unknown = answer("b")
        unknown.row = nil
        #expect(throws: FledgeError.self) { try score(rule, unknown) }
    }

    @Test func lengthsFallOff() throws {
        let range: JSONValue = ["type": "length", "min": 4, "max": 10]
        for (tokens, expected) in [
            (0, 0.0), (2, 0.5), (4, 1), (10, 1), (15, 0.5), (20, 0), (99, 0),
        ] {
            #expect(try score(range, answer("a", tokens: tokens)) == expected)
        }
        let target: JSONValue = ["type": "length", "target": 4, "unit": "characters"]
        #expect(try score(target, answer("añ👍🏽")) == 1)
        #expect(try score(target, answer("ab")) == 0.5)
        #expect(try score(["type": "length", "min": 3], answer("a", tokens: 99)) == 1)
    }

    @Test func sumsHaveWeightsAndParts() throws {
        let rules: JSONValue = [
            ["type": "regex", "pattern": "a", "weight": 2],
            ["type": "regex", "pattern": "b", "weight": -0.5],
            ["type": "length", "max": 4, "name": "short"],
        ]
        let reward = try RuleReward(json: rules)
        let rewards = try reward.rewards([answer("ab"), answer("b", tokens: 6)])
        #expect(rewards[0] == Reward(2.5, parts: ["regex": 1, "regex_2": 1, "short": 1]))
        #expect(rewards[1] == Reward(0, parts: ["regex": 0, "regex_2": 1, "short": 0.5]))
        #expect(try reward.scores([answer("ab")]) == [2.5])
        #expect(reward.columns.isEmpty)
        let columns = try RuleReward(
            json: [
                ["type": "equals", "column": "x"],
                ["type": "regex", "pattern": "(.)", "column": "y"],
            ]
        ).columns
        #expect(columns == ["x", "y"])
    }

    @Test func sourcesAreAdded() async throws {
        let short = RewardFunction { 1 / Double($0.answerIDs.count) }
        let sum = RewardSum([
            ("model", short), ("rules", try RuleReward(json: [["type": "regex", "pattern": "a"]])),
        ])
        let rewards = try await sum.rewards([answer("a"), answer("b")])
        #expect(rewards[0] == Reward(1.25, parts: ["model": 0.25, "rules": 1, "regex": 1]))
        #expect(try await sum.scores([answer("b")]) == [0.25])
        let broken = RewardSum([("model", RewardFunction { _ in .nan })])
        let error = await #expect(throws: FledgeError.self) {
            _ = try await broken.rewards([answer("a")])
        }
        #expect(error?.code == .service && error?.message.contains("model gave nan") == true)
    }

    @Test(arguments: [
        ("{}", "is an object, expected a list"), ("[]", "is empty"), ("[3]", "there is no type"),
        (#"[{"type": "magic"}]"#, "rule 1 (magic): there is no such type"),
        (#"[{"type": "regex"}]"#, "there is no pattern"),
        (#"[{"type": "regex", "pattern": "(a"}]"#, "is no regular expression"),
        (#"[{"type": "regex", "pattern": "a", "group": 1, "column": "c"}]"#, "has no group 1"),
        (#"[{"type": "regex", "pattern": "a", "group": "x", "column": "c"}]"#, "has no group x"),
        (#"[{"type": "regex", "pattern": "(a)", "group": 1}]"#, "without a column"),
        (#"[{"type": "regex", "patern": "a"}]"#, "patern means nothing here"),
        (#"[{"type": "equals"}]"#, "there is no column"),
        (#"[{"type": "equals", "column": 3}]"#, "column is a number, expected a text"),
        (#"[{"type": "length"}]"#, "no min, max or target"),
        (#"[{"type": "length", "min": 5, "max": 4}]"#, "below min"),
        (#"[{"type": "length", "max": 0}]"#, "above 0"),
        (#"[{"type": "length", "max": 1e300}]"#, "a whole number"),
        (#"[{"type": "length", "max": 4, "unit": "words"}]"#, "tokens or characters"),
        (#"[{"type": "length", "max": 4, "weight": "much"}]"#, "weight is a string"),
        (#"[{"type": "length", "max": 4, "weight": 1e400}]"#, "weight"),
        (#"[{"type": "json_schema"}]"#, "there is no schema"),
        (#"[{"type": "json_schema", "schema": "{"}]"#, "schema is no JSON"),
        (#"[{"type": "json_schema", "schema": {"uniqueItems": true}}]"#, "uniqueItems"),
    ])
    func whatIsWrongIsNamed(_ json: String, _ part: String) throws {
        let found = error(try JSONValue(parsing: json))
        #expect(found?.code == .configuration)
        #expect(found?.message.hasPrefix("reward_rules") == true, "\(found as Any)")
        #expect(found?.message.contains(part) == true, "\(found as Any)")
    }

    @Test func aSearchWithoutEndIsAnError() throws {
        let rule: JSONValue = ["type": "regex", "pattern": "^(a+)+$"]
        let text = String(repeating: "a", count: 64) + "b"
        let error = #expect(throws: FledgeError.self) { try score(rule, answer(text)) }
        #expect(error?.message.contains("too many steps") == true)
        // A long text alone is none.
        let long = String(repeating: "ab ", count: 100_000)
        #expect(try score(["type": "regex", "pattern": "b +x"], answer(long)) == 0)
    }
}
