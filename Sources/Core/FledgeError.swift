/// What went wrong with something that came from a file, a network or a user.
///
/// Mistakes of a program (shapes that do not fit, indices out of range) are preconditions instead.
/// A description reads as one or two sentences: where, what was found, what was expected, and what
/// to do about it.
public struct FledgeError: Error, Sendable {
    /// A stable identifier that programs can compare; cases may be added without breaking a `switch`.
    public struct Code: Hashable, Sendable, RawRepresentable, ExpressibleByStringLiteral {
        /// The code's text, for example `file.notFound`.
        public let rawValue: String

        /// Creates a code from its text.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// Creates a code from its text.
        public init(stringLiteral value: String) { rawValue = value }

        /// A path that does not exist.
        public static let fileNotFound: Code = "file.notFound"
        /// A file that cannot be read or written: permissions, a full disk, an input/output error.
        public static let fileAccess: Code = "file.access"
        /// A file whose content is not what its format requires.
        public static let fileCorrupt: Code = "file.corrupt"
        /// A format, architecture or feature that Fledge does not know.
        public static let unsupported: Code = "unsupported"
        /// A configuration key or value that cannot be accepted.
        public static let configuration: Code = "configuration"
        /// A data set row that does not have the declared form.
        public static let data: Code = "data"
        /// Two things that do not fit together, such as an adapter and a model.
        public static let mismatch: Code = "mismatch"
        /// A service that does not answer, or not as it should.
        public static let service: Code = "service"
        /// A run that was stopped from outside.
        public static let interrupted: Code = "interrupted"
        /// A loss, a gradient or a matrix to decompose that is not of finite numbers.
        public static let notFinite: Code = "training.notFinite"
        /// A decomposition of a matrix whose iteration found no end.
        public static let notConverged: Code = "decomposition.notConverged"
    }

    /// A place in a file.
    public struct Location: Hashable, Sendable, CustomStringConvertible {
        /// The path as the user wrote it.
        public var file: String
        /// The line, counted from 1.
        public var line: Int?
        /// The column in bytes, counted from 1.
        public var column: Int?

        /// Creates a location; leave out what is not known.
        public init(file: String, line: Int? = nil, column: Int? = nil) {
            (self.file, self.line, self.column) = (file, line, column)
        }

        /// `file`, `file:line` or `file:line:column`.
        public var description: String {
            var text = file
            if let line { text += ":\(line)" }
            if let column, line != nil { text += ":\(column)" }
            return text
        }
    }

    /// The stable identifier.
    public var code: Code
    /// What was found and what was expected, as a sentence.
    public var message: String
    /// What the user can do, as a sentence; empty when the message says it already.
    public var advice: String
    /// Where it was found.
    public var location: Location?
    /// The error underneath, for example of the operating system.
    public var cause: (any Error)?

    /// Creates an error.
    public init(
        _ code: Code, _ message: String, advice: String = "", at location: Location? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.advice = advice
        self.location = location
        self.cause = cause
    }
}

extension FledgeError: CustomStringConvertible {
    /// `where: what. what to do.`
    public var description: String {
        var text = location.map { "\($0): " } ?? ""
        text += message
        if let cause { text += " (\(Self.reason(of: cause)))" }
        if !advice.isEmpty { text += " " + advice }
        return text
    }
}
