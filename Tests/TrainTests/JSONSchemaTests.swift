import FledgeCore
import FledgeTrain
import Testing

/// The part of JSON Schema that answers are held against.
@Suite struct JSONSchemaTests {
    private func describes(_ schema: String, _ value: String) throws -> Bool {
        try JSONSchema(JSONValue(parsing: schema)).describes(JSONValue(parsing: value))
    }

    @Test(arguments: [
        ("true", "3", true), ("false", "3", false), ("{}", "null", true),
        (#"{"type": "integer"}"#, "3.0", true), (#"{"type": "integer"}"#, "3.5", false),
        (#"{"type": "integer"}"#, "123456789012345678901234567890", true),
        (#"{"type": "integer"}"#, "1e400", false),
        (#"{"type": ["null", "string"]}"#, "null", true),
        (#"{"type": "number"}"#, "true", false), (#"{"type": "boolean"}"#, "false", true),
        (#"{"type": "object"}"#, "[]", false), (#"{"type": "array"}"#, "[]", true),
        (#"{"const": {"a": 1, "b": [2]}}"#, #"{"b": [2.0], "a": 1.0}"#, true),
        (#"{"const": 0}"#, "false", false), (#"{"const": [1]}"#, "[1, 1]", false),
        (#"{"enum": ["a", 2, null]}"#, "2", true), (#"{"enum": ["a", 2]}"#, "null", false),
        (#"{"enum": []}"#, "1", false),
        (#"{"required": ["a"]}"#, #"{"b": 1}"#, false), (#"{"required": ["a"]}"#, "3", true),
        (#"{"required": ["a"]}"#, #"{"a": null}"#, true),
        (#"{"properties": {"a": {"type": "string"}}}"#, #"{"a": 1}"#, false),
        (#"{"properties": {"a": {"type": "string"}}}"#, #"{"b": 1}"#, true),
        (
            #"{"properties": {"a": true}, "additionalProperties": false}"#, #"{"a": 1, "b": 1}"#,
            false
        ),
        (#"{"properties": {"a": true}, "additionalProperties": false}"#, #"{"a": 1}"#, true),
        (#"{"additionalProperties": {"type": "integer"}}"#, #"{"a": 1, "b": "x"}"#, false),
        (#"{"items": {"minimum": 1}}"#, "[1, 2]", true),
        (#"{"items": {"minimum": 1}}"#, "[0]", false),
        (#"{"exclusiveMinimum": 1}"#, "1", false), (#"{"exclusiveMaximum": 1}"#, "0.9", true),
        (#"{"maximum": 1}"#, "2", false), (#"{"maximum": 1}"#, "\"2\"", true),
        (#"{"minLength": 2, "maxLength": 2}"#, "\"é👍\"", true),
        (#"{"minLength": 3}"#, "\"é👍\"", false), (#"{"maxItems": 1}"#, "[1, 2]", false),
        (#"{"minItems": 1}"#, "[]", false), (#"{"pattern": "^\\d+$"}"#, "\"12\"", true),
        (#"{"pattern": "b"}"#, "\"abc\"", true), (#"{"pattern": "^b"}"#, "\"abc\"", false),
        (#"{"anyOf": [{"type": "string"}, {"minimum": 3}]}"#, "2", false),
        (#"{"anyOf": [{"type": "string"}, {"minimum": 3}]}"#, "4", true),
        (#"{"allOf": [{"maximum": 5}, {"minimum": 3}]}"#, "4", true),
        (#"{"oneOf": [{"maximum": 5}, {"minimum": 3}]}"#, "4", false),
        (#"{"oneOf": [{"maximum": 5}, {"minimum": 3}]}"#, "9", true),
        (#"{"not": {"type": "null"}}"#, "null", false),
        (#"{"title": "t", "$schema": "x", "default": 3, "examples": [1]}"#, "null", true),
    ])
    func valuesAreDescribedOrNot(_ schema: String, _ value: String, _ result: Bool) throws {
        #expect(try describes(schema, value) == result)
    }

    @Test(arguments: [
        "3", #"{"type": 3}"#, #"{"type": "text"}"#, #"{"properties": []}"#, #"{"required": "a"}"#,
        #"{"required": [1]}"#, #"{"items": [true]}"#, #"{"minimum": "1"}"#, #"{"minLength": -1}"#,
        #"{"maxItems": 1.5}"#, #"{"maxItems": 1e300}"#, #"{"minimum": NaN}"#, #"{"pattern": "("}"#,
        #"{"pattern": 3}"#, #"{"anyOf": []}"#, #"{"anyOf": {}}"#, #"{"not": 1}"#, #"{"enum": 1}"#,
        #"{"additionalProperties": 3}"#, #"{"properties": {"a": true}, "additionalProperties": 3}"#,
        ##"{"$ref": "#/a"}"##, #"{"format": "date"}"#, #"{"properties": {"a": {"if": true}}}"#,
    ])
    func whatIsWrongOrUnknownIsAnError(_ schema: String) throws {
        let json = try JSONValue(parsing: schema)
        let error = #expect(throws: FledgeError.self) { try JSONSchema(json) }
        #expect(error?.code == .configuration)
    }

    @Test func keywordsAreNamedWithTheirPlace() throws {
        let schema = try JSONValue(
            parsing: #"{"properties": {"a": {"items": {"multipleOf": 3}}}}"#)
        let error = #expect(throws: FledgeError.self) { try JSONSchema(schema) }
        #expect(error?.message.contains("multipleOf") == true)
        #expect(error?.message.contains("/properties/a/items") == true)
    }

    @Test func depthHasALimit() throws {
        func nested(_ depth: Int) -> JSONValue {
            (0..<depth).reduce(true as JSONValue) { inside, _ in ["not": inside] }
        }
        #expect(try JSONSchema(nested(60)).describes(nil))
        #expect(throws: FledgeError.self) { try JSONSchema(nested(80)) }
        // Values may be deeper than schemas.
        let deep = String(repeating: "[", count: 400) + String(repeating: "]", count: 400)
        #expect(try describes(#"{"items": {"items": {"type": "array"}}}"#, deep))
    }

    @Test func manyMembersTakeNoTime() throws {
        let members = (0..<20_000).map { JSONValue.Member("k\($0)", .integer($0)) }
        let schema = try JSONSchema(
            ["required": ["k19999"], "additionalProperties": ["type": "integer"]])
        #expect(try schema.describes(.object(members)))
    }

    @Test func answersHoldJSON() throws {
        let reward = try RuleReward(json: [
            [
                "type": "json_schema",
                "schema":
                    #"{"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}"#,
            ]
        ])
        func score(_ text: String) throws -> Double {
            try reward.scores([
                JudgedAnswer(promptIDs: [], answerIDs: [], text: text, answer: text)
            ])[0]
        }
        #expect(try score(#" {"city": "Rome"} "#) == 1)
        #expect(try score("Sure!\n```json\n{\"city\": \"Rome\"}\n```\nDone.") == 1)
        #expect(try score("Sure!\r\n```\r\n{\"city\": \"Rome\"}\r\n```") == 1)
        #expect(try score("```\nno\n```\n```json\n{\"city\": \"R\"}\n```") == 1)
        #expect(try score(#"{"city": 3}"#) == 0)
        #expect(try score(#"The city is {"city": "Rome"}."#) == 0)
        #expect(try score("```json\n{\"city\": \"Rome\"}") == 0)
        for hostile in [
            "", "```", "``````", "```\n```", "{", "\u{0}", String(repeating: "[", count: 100_000),
            String(repeating: "```\n", count: 50_000), "{\"city\": \"\\ud800\"",
        ] {
            #expect(try score(hostile) == 0)
        }
    }
}
