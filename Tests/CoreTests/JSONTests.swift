import FledgeCore
import Testing

@Suite struct JSONTests {
    @Test func valuesKeepOrderAndDigits() throws {
        let text = #"{"b": [1, -2.5, 1e-05, 12345678901234567890123], "a": {"x": null, "y": true}}"#
        let value = try JSONValue(parsing: text)
        #expect(value.members?.map(\.key) == ["b", "a"])
        #expect(value["b"]?[0]?.intValue == 1)
        #expect(value["b"]?[3]?.doubleValue == Double("12345678901234567890123"))
        #expect(value["a"]?["y"]?.boolValue == true)
        #expect(value["a"]?["z"] == nil)
        #expect(value.serialized() == text)
        #expect(
            value.serialized(.dense)
                == #"{"b":[1,-2.5,1e-05,12345678901234567890123],"a":{"x":null,"y":true}}"#)
    }

    @Test func stringsRoundTrip() throws {
        let written = #""a\"\\\n\r\t\b\f\u0001 é 😀 \u001f/""#
        let value = try JSONValue(parsing: written)
        #expect(value.stringValue == "a\"\\\n\r\t\u{8}\u{C}\u{1} é 😀 \u{1F}/")
        #expect(value.serialized() == written)
        let escaped = try JSONValue(parsing: #""\u00e9\ud83d\ude00\/\ud800x\udc00\ud83dA""#)
        #expect(escaped.stringValue == "é😀/\u{FFFD}x\u{FFFD}\u{FFFD}A")
    }

    @Test func keysAreComparedByBytes() throws {
        let value = try JSONValue(parsing: #"{"\u00e9": 1, "e\u0301": 2, "d": 3, "d": 4}"#)
        #expect(value["\u{E9}"]?.intValue == 1)
        #expect(value["e\u{301}"]?.intValue == 2)
        #expect(value["d"]?.intValue == 4)
    }

    @Test func membersCanBeSet() {
        var value: JSONValue = ["a": 1, "b": [2]]
        value["a"] = "x"
        value["c"] = 1.5
        value["b"] = nil
        #expect(value == ["a": "x", "c": 1.5])
    }

    @Test func indentedLikePython() {
        let value: JSONValue = ["b": [1, 2], "a": [:], "c": .array([])]
        #expect(
            value.serialized(JSONWriter.Style(indent: 4, sortsKeys: true))
                == "{\n    \"a\": {},\n    \"b\": [\n        1,\n        2\n    ],\n    \"c\": []\n}"
        )
    }

    @Test(arguments: [
        (1.0, "1.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e-5, "1e-05"), (0.0001, "0.0001"),
        (1e15, "1000000000000000.0"), (1e16, "1e+16"),
        (9_007_199_254_740_992, "9007199254740992.0"),
        (1.5e300, "1.5e+300"), (-1.25e-7, "-1.25e-07"), (123_456.789, "123456.789"),
        (.leastNonzeroMagnitude, "5e-324"), (.nan, "NaN"), (-.infinity, "-Infinity"),
        (3e-4, "0.0003"),
    ])
    func numbersAreWrittenAsPythonDoes(value: Double, expected: String) throws {
        #expect(JSONValue.number(value).serialized() == expected)
        if value.isFinite {
            #expect(try JSONValue(parsing: expected).doubleValue == value)
        }
    }

    @Test(arguments: [
        ("{\"a\": 1,\n \"b\" 2}", 2, 6, "expected ':'"), ("[1,]", 1, 4, "expected a value"),
        ("[1 2]", 1, 4, "expected ',' or ']'"), ("\"a", 1, 3, "ends too early"),
        ("{\"a\": tru}", 1, 7, "expected a value"), ("01", 1, 2, "leading zero"),
        ("1 1", 1, 3, "nothing after"), ("\"\\x\"", 1, 3, "backslash"), ("", 1, 1, "too early"),
        ("\"\u{1}\"", 1, 2, "control character"), ("[1.]", 1, 4, "a digit"), ("-", 1, 2, "digit"),
    ])
    func errorsNameThePlace(text: String, line: Int, column: Int, part: String) {
        let error = #expect(throws: FledgeError.self) { try JSONValue(parsing: text, file: "f") }
        #expect(error?.location == FledgeError.Location(file: "f", line: line, column: column))
        #expect(error?.message.contains(part) == true, "\(String(describing: error))")
    }

    @Test func invalidTextIsRefused() {
        #expect(throws: FledgeError.self) {
            try JSONValue(parsing: [0x22, 0xC3, 0x28, 0x22], file: "f")
        }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: FledgeError.self) { try JSONValue(parsing: deep) }
        let allowed = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        #expect(throws: Never.self) {
            let value = try JSONValue(parsing: allowed)
            #expect(value.serialized() == allowed)
        }
    }

    @Test func anyBytesAreReadOrRefused() {
        var generator = KeyedGenerator(RandomKey(seed: 1))
        let alphabet = Array("{}[]\",:\\u0123eE+-.tfn \n\u{e9}".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<Int(generator.next() % 12)).map { _ in
                alphabet[Int(generator.next() % UInt64(alphabet.count))]
            }
            guard let value = try? JSONValue(parsing: bytes, file: "f") else { continue }
            #expect(throws: Never.self) {
                let again = try JSONValue(parsing: value.serialized(), file: "f")
                #expect(again == value)
            }
        }
    }
}
