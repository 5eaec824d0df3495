public import FledgeCore

/// What stops a template, before its place in the source has become a line and a column.
struct JinjaError: Error {
    /// What kind of exception Jinja2 and Python would raise.
    enum Kind: String {
        case raised, syntax, undefined, runtime, security
        case type, value, lookup, zeroDivision, overflow, arguments, limit, unsupported
    }

    var kind: Kind
    var message: String
    /// The byte of the source where it happened, once a node that knows it was passed.
    var offset: Int?

    init(_ kind: Kind, _ message: String, at offset: Int? = nil) {
        (self.kind, self.message, self.offset) = (kind, message, offset)
    }

    /// The same error with a place, if it has none yet.
    func located(_ place: Int) -> JinjaError {
        var copy = self
        copy.offset = offset ?? place
        return copy
    }

    private var advice: String {
        switch kind {
        case .raised: ""
        case .syntax: "Correct the template's text there."
        case .undefined:
            "Pass the value under that name, or guard it in the template with `is defined`."
        case .security: "Templates may not change values or reach what is private."
        case .limit: "The template does too much for a chat template; check its loops and macros."
        case .unsupported: "Rewrite that part of the template without it."
        default: "Check the template and the values that it was given."
        }
    }

    /// The error as the library throws it.
    func fledgeError(_ source: JinjaSource) -> FledgeError {
        FledgeError(
            FledgeError.Code(rawValue: "template." + kind.rawValue), message, advice: advice,
            at: offset.map { source.location(of: $0) } ?? FledgeError.Location(file: source.file))
    }
}

extension FledgeError.Code {
    /// A chat template that called `raise_exception`; the message is the template's, unchanged.
    public static let templateRaised: FledgeError.Code = "template.raised"
    /// A chat template that is not valid Jinja.
    public static let templateSyntax: FledgeError.Code = "template.syntax"
    /// A chat template that used a value which is not defined.
    public static let templateUndefined: FledgeError.Code = "template.undefined"
    /// A chat template that went beyond the limits of time, depth or size.
    public static let templateLimit: FledgeError.Code = "template.limit"
}

/// A template's text with its line ends unified, and where its lines begin.
struct JinjaSource: Sendable {
    let file: String
    let bytes: [UInt8]

    /// Line ends become `\n`; one at the very end is dropped, as Jinja does.
    init(_ text: String, file: String) {
        self.file = file
        var bytes = [UInt8]()
        bytes.reserveCapacity(text.utf8.count)
        var afterReturn = false
        for byte in text.utf8 {
            if byte == 0x0A, afterReturn {
                afterReturn = false
                continue
            }
            afterReturn = byte == 0x0D
            bytes.append(afterReturn ? 0x0A : byte)
        }
        if bytes.last == 0x0A { bytes.removeLast() }
        self.bytes = bytes
    }

    /// The line of a byte, counted from 1.
    func line(of offset: Int) -> Int {
        bytes.prefix(max(offset, 0)).reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
    }

    /// Line and column of a byte, counted from 1.
    func location(of offset: Int) -> FledgeError.Location {
        let before = bytes.prefix(max(offset, 0))
        let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return FledgeError.Location(
            file: file, line: line(of: offset), column: before.count - start + 1)
    }
}
