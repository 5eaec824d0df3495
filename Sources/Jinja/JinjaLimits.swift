/// How much a template may do before it is stopped: templates come from strangers.
public struct JinjaLimits: Hashable, Sendable {
    /// Statements, loop rounds and filter steps, and one more for every 4 bytes of text made.
    public var work: Int
    /// Macros, loops and blocks inside each other while rendering.
    public var nesting: Int
    /// Bytes of one text, the rendering among them.
    public var textBytes: Int

    /// Creates limits; the defaults are far beyond any real chat.
    public init(work: Int = 40_000_000, nesting: Int = 1600, textBytes: Int = 1 << 26) {
        (self.work, self.nesting, self.textBytes) = (work, nesting, textBytes)
    }

    /// How deep containers may be inside each other; more would not fit the stack.
    static let containerDepth = 600
    /// How deep an expression or the statements of a template may be inside each other.
    static let syntaxDepth = 120
    /// Bytes of a template's text, and how many names it may speak of: looking its variables up
    /// takes the product of both.
    static let templateBytes = 1 << 20
    static let nameCount = 1000
    /// How many elements `range` may have, as in Jinja's sandbox.
    static let rangeCount = 100_000

    /// How many elements a container may have at all levels.
    static let containerWeight = 4_000_000

    static func checked(weight: Int) throws -> Int {
        guard weight <= containerWeight else {
            throw JinjaError(.limit, "A value has more than \(containerWeight) elements.")
        }
        return weight
    }

    static func checked(depth: Int) throws -> Int {
        guard depth <= containerDepth else {
            throw JinjaError(.limit, "Values are nested more than \(containerDepth) levels deep.")
        }
        return depth
    }
}
