import FledgeCore
import FledgeTokenize
import Testing

/// Each normalizer, pre-tokenizer and decoder by itself makes what the `tokenizers` library makes.
@Suite struct StageTests {
    /// The byte tokens only; words go on with U+0001, so that ids show bytes and borders.
    private static let model: JSONValue = [
        "type": "BPE", "merges": [], "byte_fallback": true, "continuing_subword_prefix": "\u{1}",
        "vocab": .object(
            (0..<256).map { value in
                let digits = String(value, radix: 16, uppercase: true)
                return JSONValue.Member(
                    "<0x" + (value < 16 ? "0" : "") + digits + ">", .integer(value))
            }),
    ]

    private static let cases: [String] =
        ((try? FixtureTexts.load("stages.json"))?["stages"]?.arrayValue ?? []).compactMap {
            $0["name"]?.stringValue
        }

    @Test(arguments: cases) func stage(name: String) throws {
        let fixture = try FixtureTexts.load("stages.json")
        let stages = fixture["stages"]?.arrayValue ?? []
        let entry = try #require(stages.first { $0["name"]?.stringValue == name })
        let kind = try #require(entry["kind"]?.stringValue)
        let tokenizer = try TextTokenizer(
            json: .object([
                JSONValue.Member("model", Self.model),
                JSONValue.Member(kind, entry["value"] ?? .null),
            ]), file: name)
        let drawn = try FixtureTexts()
        var texts = (0..<(fixture["count"]?.intValue ?? 0)).map {
            drawn.text(seed: 5000, index: $0)
        }
        texts += (try FixtureTexts.load("passages.json").arrayValue ?? []).compactMap(\.stringValue)
        for (key, texts) in [("texts", texts), ("characters", Self.everyCharacter)] {
            let found = Self.digests(texts) { tokenizer.encode($0, specials: .parse) }
            let expected = (entry[key]?.stringValue ?? "").split(separator: " ").map(String.init)
            let wrong = zip(found, expected).enumerated().filter { $0.element.0 != $0.element.1 }
            #expect(
                found.count == expected.count && wrong.isEmpty,
                "\(name), \(key): \(wrong.map(\.offset)) of \(expected.count)")
        }
    }

    @Test func decoders() throws {
        let fixture = try FixtureTexts.load("stages.json")
        let words = (fixture["words"]?.arrayValue ?? []).compactMap(\.stringValue)
        for entry in fixture["decoders"]?.arrayValue ?? [] {
            let tokenizer = try TextTokenizer(
                json: [
                    "model": [
                        "type": "WordLevel", "unk_token": "a",
                        "vocab": .object(
                            words.enumerated().map { JSONValue.Member($1, .integer($0)) }),
                    ], "decoder": entry["value"] ?? .null,
                ], file: "decoder")
            let rows = (0..<400).map { index -> [Int32] in
                var draws = KeyedGenerator(RandomKey(seed: 6000).appending(index))
                // The draws of the script, in its order: first how many, then each.
                let drawn = (0..<14).map { _ in draws.next() }
                let count = 1 + Int(drawn[0] % 12)
                return drawn[1...count].map { Int32($0 % UInt64(words.count)) }
            }
            let found = Self.digests(rows) {
                tokenizer.decode($0, skippingSpecials: false).utf8.map { Int32($0) }
            }
            let name = entry["name"]?.stringValue ?? ""
            #expect(found.joined(separator: " ") == entry["texts"]?.stringValue, "\(name)")
            // Streams give the same, but for the stage that forgets repeated tokens.
            guard name != "ctc", name != "none", name != "suffix" else { continue }
            for row in rows {
                var stream = StreamingDecoder(tokenizer, skippingSpecials: false)
                var text = ""
                for id in row { text += stream.append(id) }
                text += stream.finish()
                #expect(text == tokenizer.decode(row, skippingSpecials: false), "\(name): \(row)")
            }
        }
    }

    private static var everyCharacter: [String] {
        let values = (Array(0..<0x30000) + Array(0xE0000..<0xE0200)).filter {
            !(0xD800..<0xE000).contains($0)
        }
        return stride(from: 0, to: values.count, by: 64).map { start in
            values[start..<min(start + 64, values.count)].map {
                Unicode.Scalar(UInt32($0)).map { String(Character($0)) } ?? ""
            }.joined(separator: "x")
        }
    }

    private static func digests<Item>(_ items: [Item], _ work: (Item) -> [Int32]) -> [String] {
        stride(from: 0, to: items.count, by: 64).map { start in
            var digest = SHA256()
            for item in items[start..<min(start + 64, items.count)] {
                let values = work(item)
                for value in [Int32(values.count)] + values {
                    withUnsafeBytes(of: value.littleEndian) { digest.update($0) }
                }
            }
            return String(digest.hexadecimal().prefix(12))
        }
    }

    @Test(arguments: [
        ("(a", "not closed"), ("a)", "closes nothing"), ("a**", "repeats"),
        ("(a*)*", "may be empty"),
        ("\\q", "escape"), ("\\p{Klingon}", "Klingon"), ("(?<n>a)", "(?<"),
        ("(?<=a+)b", "fixed length"),
        ("\\1", "escape"), ("[z-a]", "backwards"), ("a{1001}", "1000"), ("[a", "ends too early"),
    ])
    func refusedPatternsAreNamed(expression: String, reason: String) throws {
        let error = #expect(throws: FledgeError.self) {
            try TextTokenizer(
                json: [
                    "model": Self.model,
                    "pre_tokenizer": [
                        "type": "Split", "pattern": ["Regex": .string(expression)],
                        "behavior": "Isolated", "invert": false,
                    ],
                ], file: "t.json")
        }
        let message = error?.message ?? ""
        #expect(message.contains(expression) && message.contains(reason), "\(message)")
    }
}
