public import FledgeCore

/// A chat template: text in the template language Jinja, with the functions, the filters and the
/// treatment of white space that transformers gives it.
///
/// Parse once and render as often as you like, from any thread.
///
///     let template = try JinjaTemplate(parsing: "Hello {{ name }}!", file: "greeting.jinja")
///     try template.render(["name": "World"]).text  // Hello World!
///
/// Values behave as in Python and are never changed. Templates come from strangers: ``JinjaLimits``
/// bounds what they may do.
public struct JinjaTemplate: Sendable {
    /// What a template made.
    public struct Rendering: Hashable, Sendable {
        /// The text.
        public var text: String
        /// The byte ranges of the text that `{% generation %}` blocks wrote, in their order: what
        /// the model itself says.
        public var generated: [Range<Int>]

        /// Creates a rendering.
        public init(text: String, generated: [Range<Int>] = []) {
            (self.text, self.generated) = (text, generated)
        }
    }

    private let source: JinjaSource
    private let body: JinjaBody
    private let slotCount: Int
    /// The template as it was parsed, without a line break at its very end.
    public var text: String { String(decoding: source.bytes, as: UTF8.self) }
    /// Whether the template has `{% generation %}` blocks.
    public let marksGeneration: Bool

    /// Parses a template.
    ///
    /// - Parameter file: The name that errors give as the place.
    /// - Throws: `FledgeError` with line and column for text that is no valid Jinja.
    public init(parsing text: String, file: String = "chat_template") throws {
        source = JinjaSource(text, file: file)
        do {
            let statements = try JinjaParser.parse(source)
            (body, slotCount) = try JinjaCompiler.compile(statements, source)
            marksGeneration = JinjaTemplate.hasGeneration(statements)
        } catch let error as JinjaError { throw error.fledgeError(source) }
    }

    /// Renders the template.
    ///
    /// - Parameters:
    ///   - context: An object whose members are the template's variables.
    ///   - clock: The time that `strftime_now` tells.
    ///   - limits: How much the template may do.
    /// - Throws: `FledgeError`; one with the code `templateRaised` and the template's own message
    ///   where it calls `raise_exception`.
    public func render(
        _ context: JSONValue, clock: JinjaClock = .system, limits: JinjaLimits = JinjaLimits()
    ) throws -> Rendering {
        do {
            guard case .dictionary(let values) = try JinjaValue(context) else {
                throw JinjaError(.type, "The template's values must be an object.")
            }
            let rendering = JinjaRendering(context: values, limits: limits, clock: clock)
            defer { rendering.finish() }
            let frame = JinjaFrame(rendering, parent: nil, count: slotCount)
            _ = try body.run(frame)
            return Rendering(text: rendering.output, generated: rendering.generated)
        } catch let error as JinjaError { throw error.fledgeError(source) }
    }

    private static func hasGeneration(_ statements: [JinjaSyntax.Statement]) -> Bool {
        statements.contains { statement in
            switch statement.form {
            case .generation: true
            case .conditional(let branches, let otherwise):
                branches.contains { hasGeneration($0.body) } || hasGeneration(otherwise)
            case .loop(let loop): hasGeneration(loop.body) || hasGeneration(loop.otherwise)
            case .macro(_, let function), .callBlock(let function, _):
                hasGeneration(function.body)
            case .assignBlock(_, _, let body), .filterBlock(_, let body), .with(_, let body),
                .block(_, let body):
                hasGeneration(body)
            default: false
            }
        }
    }
}
