import FledgeCore
import FledgeTokenize
import Foundation
import Testing

/// Any bytes may come as text or as a file: nothing crashes, and lossless models give back what they got.
@Suite struct HostileInputTests {
    private static func noise(_ index: Int, _ generator: inout KeyedGenerator) -> [UInt8] {
        (0..<Int(generator.next() % 200)).map { _ in
            let byte = UInt8(truncatingIfNeeded: generator.next())
            // Half of them from the bytes that make broken and whole characters of many kinds.
            return index % 2 == 0
                ? byte
                : [0x20, 0x41, 0xC3, 0xA9, 0xE2, 0x96, 0x81, 0xF0, 0x9F, 0x98][Int(byte) % 10]
        }
    }

    @Test(arguments: ["vaayu", "botchan_bpe", "botchan_unigram"])
    func anyBytesAreEncoded(name: String) throws {
        let tokenizer = try PublishedTokenizers.load(PublishedTokenizers.fixtures + name)
        var generator = KeyedGenerator(RandomKey(seed: 21))
        for index in 0..<2000 {
            let bytes = Self.noise(index, &generator)
            let ids = bytes.withUnsafeBufferPointer { tokenizer.encode($0, specials: .parse) }
            _ = tokenizer.decode(ids, skippingSpecials: false)
            let text = String(decoding: bytes, as: UTF8.self)
            let textIDs = tokenizer.encode(text, specials: .text)
            #expect(textIDs == tokenizer.encode(text, specials: .text))
            if name == "vaayu" {
                #expect(tokenizer.decode(textIDs, skippingSpecials: false) == text)
            }
        }
    }

    @Test(
        .enabled(
            if: PublishedTokenizers.has(PublishedTokenizers.common),
            "published tokenizers: Scripts/fetch-tokenizers.sh"),
        arguments: ["gpt2", "deepseek", "llama3", "tekken", "cl100k", "o200k", "llama4", "p50k"])
    func losslessModelsGiveBackTheText(name: String) throws {
        let tokenizer = try PublishedTokenizers.load(PublishedTokenizers.folder + name)
        var generator = KeyedGenerator(RandomKey(seed: 22))
        for index in 0..<1000 {
            let text = String(decoding: Self.noise(index, &generator), as: UTF8.self)
            let ids = tokenizer.encode(text, specials: .text)
            #expect(tokenizer.decode(ids, skippingSpecials: false) == text)
            #expect(!ids.contains { tokenizer.isSpecial($0) })
        }
        for text in try PublishedTokenizers.texts() {
            let ids = tokenizer.encode(text, specials: .parse)
            #expect(tokenizer.decode(ids, skippingSpecials: false).utf8.elementsEqual(text.utf8))
        }
    }

    @Test(arguments: ["vaayu/tokenizer.json", "botchan_bpe/tokenizer.model"])
    func damagedFilesAreErrors(name: String) throws {
        let clean = try Data(contentsOf: URL(filePath: PublishedTokenizers.fixtures + name))
        let path = FileManager.default.temporaryDirectory.appending(path: "fledge-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var generator = KeyedGenerator(RandomKey(seed: 23))
        for round in 0..<150 {
            var damaged = clean
            for _ in 0...round % 4 {
                let place = Int(generator.next() % UInt64(damaged.count))
                switch generator.next() % 3 {
                case 0: damaged[place] = UInt8(truncatingIfNeeded: generator.next())
                case 1: damaged.removeSubrange(place..<min(place + 3, damaged.count))
                default: damaged = damaged.prefix(max(place, 1))
                }
            }
            try Data(damaged).write(to: URL(filePath: path))
            do {
                let tokenizer = try TokenizerFile.load(path)
                let ids = tokenizer.encode("Text <|im_end|> 12 é 你 \u{1F600}", specials: .parse)
                _ = tokenizer.decode(ids, skippingSpecials: true)
                _ = tokenizer.json
            } catch is FledgeError {}
        }
    }
}

/// Files that would fill the memory or run for ages are refused, or do no harm.
@Suite struct HostileFileTests {
    private static func tokenizer(_ stages: JSONValue) throws -> TextTokenizer {
        var json: JSONValue = [
            "model": ["type": "BPE", "vocab": ["a": 0, "b": 1, "t": 2], "merges": []]
        ]
        for stage in stages.members ?? [] { json[stage.key] = stage.value }
        return try TextTokenizer(json: json, file: "t.json")
    }

    private static func load(_ bytes: [UInt8]) throws -> TextTokenizer {
        let path = FileManager.default.temporaryDirectory.appending(path: "fledge-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try AtomicFile.write(bytes, to: path)
        return try TokenizerFile.load(path)
    }

    private static func tekken(size: Int, specials: Int, token: [UInt8]) -> [UInt8] {
        let text = """
            {"config": {"pattern": "a", "default_vocab_size": \(size), \
            "default_num_special_tokens": \(specials)}, "vocab": [{"rank": 0, "token_bytes": \
            "\(Data(token).base64EncodedString())"}]}
            """
        return Array(text.utf8)
    }

    @Test func impossibleNumbersOfControlTokens() throws {
        let error = #expect(throws: FledgeError.self) {
            try Self.load(Self.tekken(size: 1 << 40, specials: 1 << 40 - 1, token: [0x61]))
        }
        #expect(error?.message.contains("config") == true)
        #expect(
            try Self.load(Self.tekken(size: 3, specials: 2, token: [0x61])).vocabularyCount == 3)
    }

    /// Looking for the parts of a token takes no square of its length.
    @Test func longTokensAreRead() throws {
        let token = [UInt8](repeating: 0x61, count: 3_000_000)
        #expect(
            try Self.load(Self.tekken(size: 1, specials: 0, token: token)).vocabularyCount == 1)
    }

    @Test(arguments: [
        ("normalizer", "normalizers", "t"), ("decoder", "decoders", "t"),
    ])
    func textsThatGrow(part: String, list: String, wanted: String) throws {
        func stages(_ count: Int) -> JSONValue {
            let stage: JSONValue = [
                "type": "Replace", "pattern": ["String": .string(wanted)], "content": "tttt",
            ]
            return .object([
                JSONValue.Member(
                    part,
                    .object([
                        JSONValue.Member("type", "Sequence"),
                        JSONValue.Member(list, .array(Array(repeating: stage, count: count))),
                    ]))
            ])
        }
        let error = #expect(throws: FledgeError.self) { try Self.tokenizer(stages(9)) }
        #expect(error?.message.contains("times as long") == true)
        let tokenizer = try Self.tokenizer(stages(3))
        let count = part == "decoder" ? 1 : 64
        #expect(tokenizer.encode("t", specials: .text).count == count)
        #expect(tokenizer.decode([2], skippingSpecials: false).utf8.count == 65 - count)
    }

    @Test func bytesWrittenAgainAndAgain() throws {
        let stage: JSONValue = ["type": "ByteLevel", "use_regex": false]
        #expect(throws: FledgeError.self) {
            try Self.tokenizer([
                "pre_tokenizer": [
                    "type": "Sequence", "pretokenizers": .array(Array(repeating: stage, count: 40)),
                ]
            ])
        }
    }

    /// Patterns that go back for ages find nothing, as in Oniguruma, which ends with an error there.
    @Test func patternsThatGoBackForAges() throws {
        let tokenizer = try Self.tokenizer([
            "pre_tokenizer": [
                "type": "Split", "pattern": ["Regex": #"(?:a|a)*!"#], "behavior": "Removed",
                "invert": false,
            ]
        ])
        #expect(tokenizer.encode("baaa!b", specials: .text) == [1, 1])
        let text = "b!" + String(repeating: "a", count: 60) + "b!"
        #expect(tokenizer.encode(text, specials: .text).count == 62)
    }

    @Test func longPatternsAreRefused() {
        let error = #expect(throws: FledgeError.self) {
            try Self.tokenizer([
                "pre_tokenizer": [
                    "type": "Split", "behavior": "Isolated", "invert": false,
                    "pattern": ["Regex": .string(String(repeating: "a", count: 5000))],
                ]
            ])
        }
        #expect(error?.message.contains("4096") == true)
    }

    @Test func strippingWithoutEnd() throws {
        let tokenizer = try Self.tokenizer([
            "decoder": ["type": "Strip", "content": "a", "start": .integer(.max), "stop": 1]
        ])
        #expect(tokenizer.decode([0, 1], skippingSpecials: false) == "b")
    }

    @Test func marksAreCharacters() {
        #expect(throws: FledgeError.self) {
            try Self.tokenizer([
                "pre_tokenizer": [
                    "type": "Metaspace", "replacement": "ab", "prepend_scheme": "always",
                ]
            ])
        }
    }
}
