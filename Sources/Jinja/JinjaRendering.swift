/// One rendering of a template: its output, its limits and what lives as long as it does.
final class JinjaRendering {
    let limits: JinjaLimits
    let clock: JinjaClock
    /// The values that the template was given, above the built-in functions.
    let context: JinjaDictionary
    /// What was written so far: the rendering itself, and on top the texts of macros and blocks
    /// that are being collected.
    private var buffers = [""]
    /// Where the texts of generation blocks begin, and their code points.
    private var marks = [(start: Int, count: Int)]()
    private var work: Int
    private var nesting = 0
    /// What may hold itself in a circle and is emptied at the end.
    private var namespaces = [JinjaNamespace]()
    private var frames = [JinjaFrame]()

    init(context: JinjaDictionary, limits: JinjaLimits, clock: JinjaClock) {
        (self.context, self.limits, self.clock) = (context, limits, clock)
        work = limits.work
    }

    /// The text, once everything ran.
    var output: String { buffers.first ?? "" }

    func write(_ text: String) throws {
        let last = buffers.count - 1
        buffers[last] += text
        try charge(bytes: text.utf8.count)
        guard buffers[last].utf8.count <= limits.textBytes else { throw tooLong }
    }

    /// What `body` writes.
    func collecting(_ body: () throws -> Void) throws -> String {
        buffers.append("")
        let depth = buffers.count
        defer { buffers.removeLast(buffers.count - depth + 1) }
        try body()
        return buffers.last ?? ""
    }

    /// Notes a text that is about to be written by a generation block.
    ///
    /// As in transformers, the place is the end of the rendering, also where the block's text goes
    /// elsewhere first.
    func markGenerated(_ text: String) {
        marks.append((buffers.first?.utf8.count ?? 0, JinjaText.length(text)))
    }

    /// The byte ranges of generation blocks.
    var generated: [Range<Int>] {
        output.withBytes { bytes in
            marks.map { start, count in
                let start = min(start, bytes.count)
                let rest = UnsafeBufferPointer(rebasing: bytes[start...])
                return start..<start + JinjaText.offset(ofScalar: count, rest)
            }
        }
    }

    /// Runs `body` some levels deeper.
    func nested<R>(_ levels: Int, _ body: () throws -> R) throws -> R {
        nesting += levels
        defer { nesting -= levels }
        guard nesting <= limits.nesting else {
            throw JinjaError(
                .limit, "Macros and blocks are inside each other more than \(limits.nesting) deep.")
        }
        return try body()
    }

    /// Counts a step.
    @inline(__always)
    func step() throws {
        work -= 1
        if work < 0 { throw tooMuch }
    }

    func charge(elements: Int) throws {
        work -= min(elements, work + 1)
        if work < 0 { throw tooMuch }
    }

    func charge(bytes: Int, times: Int = 1) throws {
        let (total, overflow) = bytes.multipliedReportingOverflow(by: times)
        guard !overflow, total <= limits.textBytes else { throw tooLong }
        try charge(elements: total / 4)
    }

    /// Counts a search from the end, which compares at every place.
    func charge(search pattern: String, in text: String) throws {
        try charge(elements: text.utf8.count / 16 * (1 + pattern.utf8.count / 16))
    }

    /// Two texts as one.
    func joined(_ left: String, _ right: String) throws -> String {
        try charge(bytes: left.utf8.count + right.utf8.count)
        return left + right
    }

    func string(_ value: JinjaValue) throws -> String {
        try JinjaPrinter.string(value, limit: limits.textBytes)
    }

    private var tooMuch: JinjaError {
        JinjaError(.limit, "The template takes more than \(limits.work) steps.")
    }

    private var tooLong: JinjaError {
        JinjaError(.limit, "A text is longer than \(limits.textBytes) bytes.")
    }

    func keep(_ namespace: JinjaNamespace) { namespaces.append(namespace) }
    func keep(_ frame: JinjaFrame) { frames.append(frame) }

    /// Lets go of everything that may be held in circles.
    func finish() {
        for namespace in namespaces { namespace.clear() }
        for frame in frames { frame.slots.removeAll() }
        namespaces = []
        frames = []
    }
}

/// The variables of a template or of one call of a macro.
final class JinjaFrame {
    let rendering: JinjaRendering
    /// The frame of what this one is written inside.
    let parent: JinjaFrame?
    var slots: [JinjaValue]
    var isKept = false

    init(_ rendering: JinjaRendering, parent: JinjaFrame?, count: Int) {
        (self.rendering, self.parent) = (rendering, parent)
        slots = [JinjaValue](repeating: .missing, count: count)
    }

    /// Makes sure that the frame is emptied at the end, since a macro holds it.
    func keep() {
        guard !isKept else { return }
        isKept = true
        rendering.keep(self)
    }
}
