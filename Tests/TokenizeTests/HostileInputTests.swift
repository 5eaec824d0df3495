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
