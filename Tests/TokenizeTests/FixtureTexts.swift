import FledgeCore
import FledgeTokenize
import Foundation

/// The texts that `Scripts/reference/tokenizer_fixtures.py` draws; keep both in step.
struct FixtureTexts {
    private let corpus: JSONValue

    init() throws { corpus = try FixtureTexts.load("corpus.json") }

    static func load(_ name: String) throws -> JSONValue {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        return try JSONValue(contentsOf: folder.appending(path: "Fixtures/" + name).path)
    }

    func text(seed: Int, index: Int) -> String {
        var draws = KeyedGenerator(RandomKey(seed: UInt64(seed)).appending(index))
        func below(_ count: Int) -> Int { Int(draws.next() % UInt64(count)) }
        func pick(_ key: String) -> JSONValue {
            let items = corpus[key]?.arrayValue ?? []
            return items[below(items.count)]
        }
        func scalar(_ value: Int) -> String {
            Unicode.Scalar(UInt32(value)).map { String(Character($0)) } ?? ""
        }
        func power(_ exponent: Int) -> Int { (0..<exponent).reduce(1) { value, _ in value * 10 } }
        var text = ""
        for _ in 0..<1 + below(24) {
            switch below(16) {
            case 0..<5:
                text += below(4) > 0 ? " " : ""
                text += pick("words").stringValue ?? ""
            case 5: text += String(below(power(1 + below(8))))
            case 6..<8:
                let range = pick("ranges")
                let (first, last) = (range[0]?.intValue ?? 0, range[1]?.intValue ?? 0)
                for _ in 0..<1 + below(6) { text += scalar(first + below(last - first + 1)) }
            case 8:
                let value = below(0x110000 - 0x800)
                text += scalar(value < 0xD800 ? value : value + 0x800)
            case 9..<11: text += pick("spaces").stringValue ?? ""
            case 11: text += pick("marks").stringValue ?? ""
            case 12: text += pick("contractions").stringValue ?? ""
            case 13: text += pick("clusters").stringValue ?? ""
            case 14: text += pick("specials").stringValue ?? ""
            default:
                let first = pick("words").stringValue?.unicodeScalars.first.map { UInt32($0) } ?? 0
                text += String(repeating: scalar(Int(first)), count: 1 + below(300))
            }
        }
        return text
    }

    /// The digest of a text's ids and of what they decode to, 8 hexadecimal digits.
    static func digest(
        of text: String, _ tokenizer: some Tokenizer, _ policy: SpecialTokenPolicy
    ) -> String {
        let ids = tokenizer.encode(text, specials: policy)
        var digest = SHA256()
        for id in ids { withUnsafeBytes(of: id.littleEndian) { digest.update($0) } }
        digest.update(Array(tokenizer.decode(ids, skippingSpecials: false).utf8))
        digest.update(Array(tokenizer.decode(ids, skippingSpecials: true).utf8))
        return String(digest.hexadecimal().prefix(8))
    }

    /// The texts whose digests are not those of a fixture.
    func mismatches(_ tokenizer: some Tokenizer, _ fixture: JSONValue) -> [String] {
        let (seed, count) = (fixture["seed"]?.intValue ?? 0, fixture["count"]?.intValue ?? 0)
        var result = [String]()
        for (key, policy) in [("parse", SpecialTokenPolicy.parse), ("text", .text)] {
            let expected = fixture[key]?.stringValue?.split(separator: " ") ?? []
            guard expected.count == count, count > 0 else { return ["no digests"] }
            for index in 0..<count {
                let text = text(seed: seed, index: index)
                if FixtureTexts.digest(of: text, tokenizer, policy) != expected[index] {
                    result.append("\(key): \(text.debugDescription)")
                }
            }
        }
        return result
    }
}

/// The files that tests use when they are there.
enum Cache {
    static let folder: String = {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["FLEDGE_CACHE"] { return folder }
        if let folder = environment["XDG_CACHE_HOME"] { return folder + "/fledge" }
        return NSHomeDirectory() + "/.cache/fledge"
    }()

    static let model = folder + "/SmolLM2-135M-Instruct.Q4_1.gguf"
    static let hasModel = FileManager.default.fileExists(atPath: model)

    /// The templates that `Scripts/fetch-chat-templates.sh` fetches.
    static let templates =
        ProcessInfo.processInfo.environment["FLEDGE_CHAT_TEMPLATES"]
        ?? folder + "/chat-templates-0.3.36"
    static let hasTemplates = FileManager.default.fileExists(atPath: templates)
}

/// The small tokenizer of the fixtures and its variants.
enum TinyTokenizer {
    static func make(_ variant: String, _ fixture: JSONValue) throws -> TextTokenizer {
        var json = fixture["base"] ?? .null
        for change in fixture["variants"]?[variant]?.members ?? [] {
            if change.key == "model" {
                var model = json["model"] ?? .null
                for part in change.value.members ?? [] { model[part.key] = part.value }
                json["model"] = model
            } else {
                json[change.key] = change.value
            }
        }
        return try TextTokenizer(json: json, file: variant)
    }

    /// The small tokenizer with a token for every byte, so that no character is lost.
    static func whole() throws -> TextTokenizer {
        var fixture = try FixtureTexts.load("tiny.json")
        var vocabulary = fixture["base"]?["model"]?["vocab"]?.members ?? []
        let known = Set(vocabulary.map(\.key))
        let added = fixture["base"]?["added_tokens"]?.arrayValue ?? []
        let ids = vocabulary.compactMap(\.value.intValue) + added.compactMap { $0["id"]?.intValue }
        var next = (ids.max() ?? -1) + 1
        // In the order of transformers: characters that stand for themselves, then the others.
        let plain = Array(33...126) + Array(161...172) + Array(174...255)
        let others = (0..<(256 - plain.count)).map { 256 + $0 }
        for value in plain + others {
            guard let scalar = Unicode.Scalar(UInt32(value)), !known.contains(String(scalar)) else {
                continue
            }
            let character = String(scalar)
            vocabulary.append(.init(character, .integer(next)))
            next += 1
        }
        var base = fixture["base"] ?? .null
        var model = base["model"] ?? .null
        model["vocab"] = .object(vocabulary)
        base["model"] = model
        fixture["base"] = base
        return try make("smollm", fixture)
    }
}
