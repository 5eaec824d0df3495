public import FledgeCore
internal import FledgeJinja

extension ModelChatTemplate {
    private static let tokenNames = [
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    ]

    /// Finds the templates of a model.
    ///
    /// - Parameter path: A model folder, a `.gguf` file, or a file that holds a template
    ///   (`.jinja`, or JSON with the member `chat_template`).
    /// - Returns: `nil` where the model has none.
    /// - Throws: `FledgeError` for files that cannot be read and for templates that are no valid
    ///   Jinja.
    public static func load(_ path: String) throws -> ModelChatTemplate? {
        if FileSystem.isFolder(path) { return try load(folder: path) }
        if GGUFFile.isThere(at: path) { return try ModelChatTemplate(GGUFFile(path: path)) }
        switch FileSystem.fileExtension(of: path) {
        case "json":
            let json = try JSONValue(contentsOf: path)
            return try make(parse(json["chat_template"], file: path), json, path)
        default: return try make([Named("default", read(path))], [:], path)
        }
    }

    /// The templates of a GGUF file's metadata; `nil` where it has none.
    public init?(_ file: GGUFFile) throws {
        let key = "tokenizer.chat_template"
        var templates = [Named]()
        for name in file.metadata.keys.sorted() {
            guard name.utf8.starts(with: key.utf8), let text = file.metadata[name]?.stringValue
            else { continue }
            let rest = name.utf8.dropFirst(key.utf8.count)
            guard rest.isEmpty || rest.first == UInt8(ascii: ".") else { continue }
            let label = rest.isEmpty ? "default" : String(Substring(rest.dropFirst()))
            let place = "\(file.path) (\(name))"
            templates.append(Named(label, try JinjaTemplate(parsing: text, file: place)))
        }
        if templates.isEmpty { return nil }
        var tokens: JSONValue = [:]
        let texts = file.metadata["tokenizer.ggml.tokens"]?.stringArray ?? []
        for (name, label) in [
            ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"),
            ("sep_token", "seperator"), ("pad_token", "padding"), ("cls_token", "cls"),
            ("mask_token", "mask"),
        ] {
            let id = file.metadata["tokenizer.ggml.\(label)_token_id"]?.intValue
            guard let id, texts.indices.contains(id) else { continue }
            tokens[name] = .string(String(decoding: texts[id], as: UTF8.self))
        }
        self.init(templates, specialTokens: tokens, source: file.path)
    }

    /// What is in files of their own comes before what is in the tokenizer's configuration.
    private static func load(folder: String) throws -> ModelChatTemplate? {
        let configurationFile = folder + "/tokenizer_config.json"
        let configuration =
            FileSystem.exists(configurationFile)
            ? try JSONValue(contentsOf: configurationFile) : [:]
        var templates = [Named]()
        let file = folder + "/chat_template.jinja"
        if FileSystem.exists(file) { templates.append(Named("default", try read(file))) }
        let more = folder + "/additional_chat_templates"
        if FileSystem.isFolder(more) {
            for name in try Folder.names(in: more)
            where FileSystem.fileExtension(of: name) == "jinja" {
                let label = String(Substring(name.utf8.dropLast(".jinja".utf8.count)))
                templates.append(Named(label, try read(more + "/" + name)))
            }
        }
        if templates.isEmpty {
            templates = try parse(configuration["chat_template"], file: configurationFile)
        }
        let older = folder + "/chat_template.json"
        if templates.isEmpty, FileSystem.exists(older) {
            templates = try parse(
                JSONValue(contentsOf: older)["chat_template"], file: older)
        }
        // Older folders name tokens in a file of their own, which comes first.
        let names = folder + "/special_tokens_map.json"
        var named = configuration
        if configuration["added_tokens_decoder"] == nil, FileSystem.exists(names) {
            for member in try JSONValue(contentsOf: names).members ?? []
            where tokenNames.contains(member.key) {
                named[member.key] = member.value
            }
        }
        return make(templates, named, folder)
    }

    private static func make(
        _ templates: [Named], _ configuration: JSONValue, _ source: String
    ) -> ModelChatTemplate? {
        if templates.isEmpty { return nil }
        var tokens: JSONValue = [:]
        for name in tokenNames {
            let token = configuration[name]
            if let text = token?.stringValue ?? token?["content"]?.stringValue {
                tokens[name] = .string(text)
            }
        }
        return ModelChatTemplate(templates, specialTokens: tokens, source: source)
    }

    private static func read(_ path: String) throws -> JinjaTemplate {
        let file = try MappedFile(path: path)
        let text = try withExtendedLifetime(file) {
            try ForeignContent.refuse(
                file.bytes, expected: "a chat template", at: FledgeError.Location(file: path))
            guard let text = String(validating: file.bytes, as: UTF8.self) else {
                throw FledgeError(
                    .fileCorrupt, "The template is not valid UTF-8.",
                    at: FledgeError.Location(file: path))
            }
            return text
        }
        return try JinjaTemplate(parsing: text, file: path)
    }

    /// One text, or a list of objects with `name` and `template`.
    private static func parse(_ value: JSONValue?, file: String) throws -> [Named] {
        let place = "\(file) (chat_template)"
        switch value {
        case nil, .null?: return []
        case .string(let text)?:
            return [Named("default", try JinjaTemplate(parsing: text, file: place))]
        case .array(let items)?:
            return try items.map { item in
                guard let name = item["name"]?.stringValue,
                    let text = item["template"]?.stringValue
                else { throw malformed(item, file) }
                return Named(
                    name, try JinjaTemplate(parsing: text, file: "\(place), \(name)"))
            }
        case .object(let members)?:
            return try members.map { member in
                guard let text = member.value.stringValue else {
                    throw malformed(member.value, file)
                }
                let place = "\(place), \(member.key)"
                return Named(member.key, try JinjaTemplate(parsing: text, file: place))
            }
        case let value?: throw malformed(value, file)
        }
    }

    private static func malformed(_ value: JSONValue, _ file: String) -> FledgeError {
        FledgeError(
            .fileCorrupt,
            "The entry chat_template holds \(value.kind), expected a text or a list of objects "
                + "with the texts name and template.", at: FledgeError.Location(file: file))
    }
}
