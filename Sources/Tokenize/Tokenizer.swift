/// Turns text into token ids and back.
public protocol Tokenizer: Sendable {
    /// Number of tokens, added ones included.
    var vocabularyCount: Int { get }
    /// The token that begins a text, for models that have one.
    var beginOfText: Int32? { get }
    /// The token that ends a text.
    var endOfText: Int32? { get }
    /// The token that fills up rows.
    var padding: Int32? { get }

    /// The ids of a text; nothing is put before or after them.
    func encode(_ text: String, specials: SpecialTokenPolicy) -> [Int32]
    /// The text of some ids; invalid UTF-8 becomes U+FFFD.
    func decode(_ ids: [Int32], skippingSpecials: Bool) -> String
    /// The bytes that a token stands for; a token may hold a part of a character only.
    func bytes(of id: Int32) -> [UInt8]
    /// The id of a token that is written exactly so; `nil` when there is none.
    func id(ofSpecial token: String) -> Int32?
    /// Whether the token is a control token.
    func isSpecial(_ id: Int32) -> Bool
    /// Whether ``encode(_:specials:)`` with `.parse` would make control tokens of a part of the text.
    func containsSpecial(_ text: String) -> Bool
    /// Whether the text of some ids is the bytes of each, one after another; by default it is.
    var decodesEachTokenAlone: Bool { get }
    /// Whether a token stands for a single byte of a run that is decoded as a whole; by default none.
    func isByteToken(_ id: Int32) -> Bool
}

extension Tokenizer {
    /// True: the bytes of each token, one after another.
    public var decodesEachTokenAlone: Bool { true }
    /// False: no token waits for others.
    public func isByteToken(_ id: Int32) -> Bool { false }
}

/// Which parts of a text may become control tokens such as `<|im_end|>`.
public enum SpecialTokenPolicy: Hashable, Sendable {
    /// None: what looks like a control token is ordinary text.
    case text
    /// All of it.
    case parse
    /// Only what lies wholly inside one of these ranges of UTF-8 offsets.
    case parseWithin([Range<Int>])
}
