import FledgeCore

/// What the files beside a vocabulary say about tokens, by the rules of transformers 5.
///
/// An `added_tokens_decoder` in `tokenizer_config.json` is the whole truth; without one
/// `special_tokens_map.json` comes before the configuration, and `added_tokens.json` has further tokens.
struct TokenizerSideFiles {
    /// A token as files write it.
    struct Token: Hashable {
        var content: String
        var isSingleWord = false
        var stripsLeft = false
        var stripsRight = false
        var isNormalized = false
        var isSpecial = true

        /// A special token without further flags.
        init(_ content: String) { self.content = content }

        /// Reads a text, or an object with flags; nil for anything else.
        init?(_ value: JSONValue, isSpecial: Bool? = nil) {
            guard let content = value.stringValue ?? value["content"]?.stringValue else {
                return nil
            }
            self.content = content
            if value.stringValue != nil { return }
            func flag(_ key: String) -> Bool? { value[key]?.boolValue }
            self.isSpecial = isSpecial ?? flag("special") ?? false
            isSingleWord = flag("single_word") ?? false
            stripsLeft = flag("lstrip") ?? false
            stripsRight = flag("rstrip") ?? false
            isNormalized = flag("normalized") ?? !self.isSpecial
        }

        /// The token of a vocabulary.
        init(_ token: AddedToken) {
            (content, isSingleWord, isSpecial) = (
                token.content, token.isSingleWord, token.isSpecial
            )
            (stripsLeft, stripsRight) = (token.stripsLeft, token.stripsRight)
            isNormalized = token.isNormalized
        }

        /// The token with an id.
        func added(_ id: Int32) -> AddedToken {
            AddedToken(
                content, id: id, isSpecial: isSpecial, isSingleWord: isSingleWord,
                stripsLeft: stripsLeft, stripsRight: stripsRight, isNormalized: isNormalized)
        }
    }

    /// The members of `tokenizer_config.json`; null when there is no such file.
    let configuration: JSONValue
    /// The tokens that have names, such as `bos_token` and, of some models, `image_token`.
    private(set) var named: [(name: String, token: Token)] = []
    /// Further special tokens.
    private(set) var extra: [Token] = []
    /// Tokens that are listed with an id.
    private var listed: [(id: Int, token: Token)] = []
    /// Whether the configuration lists all tokens.
    private let hasDecoder: Bool

    private static let names = [
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    ]

    /// Reads the content of the three files; null stands for one that is not there.
    init(_ configuration: JSONValue, specialTokens: JSONValue, addedTokens: JSONValue) {
        self.configuration = configuration
        let decoder = configuration["added_tokens_decoder"]
        hasDecoder = decoder != nil
        var values = (configuration.members ?? []).reduce(into: [String: JSONValue]()) {
            $0[$1.key] = $1.value
        }
        values["extra_special_tokens"] =
            values["extra_special_tokens"] ?? values["additional_special_tokens"]
        values["additional_special_tokens"] = nil
        var order = (configuration.members ?? []).map(\.key)
        if !hasDecoder {
            for member in specialTokens.members ?? [] {
                order.append(member.key)
                guard member.key == "extra_special_tokens", let items = member.value.arrayValue
                else {
                    values[member.key] = member.value
                    continue
                }
                let present = values[member.key]?.arrayValue ?? []
                values[member.key] = .array(present + items.filter { !present.contains($0) })
            }
            // The older name counts where the newer one does not stand.
            if let older = values["additional_special_tokens"],
                values["extra_special_tokens"] == nil
            {
                values["extra_special_tokens"] = older
            }
        }
        readNames(values, order, map: !hasDecoder ? specialTokens : .null)
        extra = (values["extra_special_tokens"]?.arrayValue ?? []).compactMap {
            Token($0, isSpecial: specialTokens.isNull ? nil : true)
        }
        for member in decoder?.members ?? [] {
            guard let id = Int(member.key), let token = Token(member.value) else { continue }
            listed.append((id, token))
        }
        if !hasDecoder { readOlder(addedTokens) }
        listed.sort { $0.id < $1.id }
    }

    /// Reads tokens that have names: the usual ones first, then those that only some models know.
    private mutating func readNames(
        _ values: [String: JSONValue], _ order: [String], map: JSONValue
    ) {
        func token(_ name: String) -> Token? {
            values[name].flatMap { Token($0, isSpecial: map[name] == nil ? nil : true) }
        }
        for name in Self.names { if let token = token(name) { named.append((name, token)) } }
        let own = order.filter { $0.utf8.suffix(6).elementsEqual("_token".utf8) }
            .filter { !Self.names.contains($0) }
        // Texts of the configuration come behind all others, and take the place of the list of them.
        let texts = own.filter { map[$0] == nil && configuration[$0]?.stringValue != nil }
        var specific = own.filter { !texts.contains($0) }.map { ($0, values[$0] ?? .null) }
        specific += texts.map { ($0, values[$0] ?? .null) }
        let mapping = values["extra_special_tokens"]?.members ?? []
        if texts.isEmpty, configuration["extra_special_tokens"]?.members == nil {
            specific +=
                (values["model_specific_special_tokens"]?.members ?? []).map { ($0.key, $0.value) }
        }
        specific += mapping.map { ($0.key, $0.value) }
        var seen = Set<String>()
        for (name, value) in specific {
            guard let token = Token(value), seen.insert(name).inserted else { continue }
            named.append((name, token))
        }
    }

    private mutating func readOlder(_ addedTokens: JSONValue) {
        let specials = Set(
            named.filter { Self.names.contains($0.name) }.map(\.token.content)
                + extra.map(\.content))
        for member in addedTokens.members ?? [] {
            guard let id = member.value.intValue else { continue }
            var token = Token(member.key)
            token.isSpecial = specials.contains(member.key)
            token.isNormalized = !token.isSpecial
            listed.append((id, token))
        }
    }

    /// The tokens that a vocabulary lacks, or has with other flags, in the order of their ids.
    ///
    /// - Parameter present: The added tokens of the vocabulary's own file.
    func tokensToAdd(beside present: [AddedToken]) -> [Token] {
        let known = Set(present.map(Token.init))
        var byContent = [String: Token]()
        for (_, token) in listed { byContent[token.content] = token }
        var byID = [Int: Token]()
        for (id, token) in listed { byID[id] = token }
        if !hasDecoder {
            for token in present {
                byContent[token.content] = Token(token)
                byID[Int(token.id)] = Token(token)
            }
        }
        var tokens = byID.sorted { $0.key < $1.key }.map(\.value).filter { !known.contains($0) }
        var contents = Set((present.map(\.content) + tokens.map(\.content)).map { Array($0.utf8) })
        for (name, token) in named {
            // What is listed says more about a token than its name does.
            let isUsual = Self.names.contains(name)
            let token = isUsual ? byContent[token.content] ?? token : token
            if contents.insert(Array(token.content.utf8)).inserted { tokens.append(token) }
        }
        for token in extra where contents.insert(Array(token.content.utf8)).inserted {
            tokens.append(token)
        }
        let names = Set(named.map { Array($0.token.content.utf8) })
        return tokens.map { token in
            var token = token
            if names.contains(Array(token.content.utf8)) { token.isSpecial = true }
            return token
        }
    }
}
