/// The stages that cut a text into words before the model sees them.
indirect enum PreTokenizer: Sendable {
    /// Cuts at what a pattern finds, or at everything else.
    case split(TextPattern, SplitBehavior, inverted: Bool)
    /// Cuts at each character of a set.
    case scalars(ScalarSet, SplitBehavior)
    /// GPT-2's stage: an optional space before the text, then its pattern, then, unless it comes last,
    /// bytes written as characters.
    case byteLevel(addsPrefixSpace: Bool, pattern: PatternProgram?, writesBytes: Bool)
    /// Spaces become a mark.
    case metaspace(mark: [UInt8], PrependScheme, splits: Bool)
    /// Cuts between words where no token reaches across: this changes nothing, but lets words be
    /// remembered.
    case words(WordBorders)
    /// Cuts where the script changes.
    case scripts
    /// Cuts into pieces of so many characters.
    case fixedLength(Int)

    /// When Metaspace puts a mark before a text.
    enum PrependScheme: String, Sendable { case first, never, always }
}

/// What happens to the pieces that a stage cuts at.
enum SplitBehavior: String, Sendable {
    case isolated = "Isolated"
    case removed = "Removed"
    case contiguous = "Contiguous"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
}

/// A piece of a text.
struct TextSpan {
    var start: Int
    var end: Int

    init(_ start: Int, _ end: Int) { (self.start, self.end) = (start, end) }

    var range: Range<Int> { start..<end }
}

/// Gathers the pieces of a stage by its behaviour.
struct SpanCollector {
    private let behavior: SplitBehavior
    private(set) var spans: [TextSpan]
    private var lastWasMatch = false
    private var count = 0
    /// A match that waits for what comes next.
    private var waiting: TextSpan?

    init(_ behavior: SplitBehavior, reusing spans: [TextSpan]) {
        self.behavior = behavior
        self.spans = spans
        self.spans.removeAll(keepingCapacity: true)
    }

    /// Starts another piece of text, which nothing joins to the one before.
    mutating func begin() {
        flush()
        (lastWasMatch, count) = (false, 0)
    }

    private mutating func append(_ start: Int, _ end: Int) {
        // Empty pieces are no words, but they stand between others.
        spans.append(TextSpan(start, end))
        count += 1
    }

    mutating func add(_ start: Int, _ end: Int, isMatch: Bool) {
        switch behavior {
        case .isolated: append(start, end)
        case .removed: if !isMatch { append(start, end) }
        case .contiguous:
            if isMatch == lastWasMatch, count > 0 {
                spans[spans.count - 1].end = end
            } else {
                append(start, end)
            }
        case .mergedWithPrevious:
            if isMatch, !lastWasMatch, count > 0 {
                spans[spans.count - 1].end = end
            } else {
                append(start, end)
            }
        case .mergedWithNext:
            if isMatch {
                flush()
                waiting = TextSpan(start, end)
            } else {
                append(waiting?.start ?? start, end)
                waiting = nil
            }
        }
        lastWasMatch = isMatch
    }

    /// Ends the text.
    mutating func flush() {
        if let waiting { append(waiting.start, waiting.end) }
        waiting = nil
    }

    /// Moves pieces from their place in a piece to that in the text.
    mutating func shift(from first: Int, by offset: Int) {
        for index in first..<spans.count {
            spans[index].start += offset
            spans[index].end += offset
        }
    }
}
