import FledgeTokenize

/// One token a character; `^` begins a text, `$` ends it and `_` pads.
struct ToyTokenizer: Tokenizer {
    var vocabularyCount: Int { 128 }
    var beginOfText: Int32? { 0x5E }
    var endOfText: Int32? { 0x24 }
    var padding: Int32? { 0x5F }

    func encode(_ text: String, specials: SpecialTokenPolicy) -> [Int32] {
        text.utf8.map { Int32($0) }
    }

    func decode(_ ids: [Int32], skippingSpecials: Bool) -> String {
        String(decoding: ids.map { UInt8($0) }, as: UTF8.self)
    }

    func bytes(of id: Int32) -> [UInt8] { [UInt8(id)] }
    func id(ofSpecial token: String) -> Int32? { nil }
    func isSpecial(_ id: Int32) -> Bool { false }
    func containsSpecial(_ text: String) -> Bool { text.utf8.contains(0x24) }

    /// Labels as text, with a point for what is not learned.
    static func text(_ labels: [Int32]) -> String {
        String(decoding: labels.map { $0 < 0 ? UInt8(ascii: ".") : UInt8($0) }, as: UTF8.self)
    }

    /// The template of the reference's vectors; `B` has one end for all answers.
    static func template(efficientEnd: Bool) -> ChatTemplate {
        ChatTemplate(
            "toy", prefix: [.beginOfText], system: [.text("s{{content}}")],
            user: [.text("u{{content}}a")], usesEfficientEnd: efficientEnd)
    }
}
