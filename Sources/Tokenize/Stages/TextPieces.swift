/// A text on its way through the stages: its bytes, and the pieces that it is cut into.
///
/// One for each thread that encodes; its memory is used again for the next text.
struct TextPieces: ~Copyable {
    /// The bytes of the pieces while a stage has not rewritten them.
    private var outside = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    private var rewritten: [UInt8] = []
    private var isRewritten = false
    private(set) var spans: [TextSpan] = []
    private var spare: [TextSpan] = []
    private var matcher = PatternMatcher()
    /// Whether the text begins where the user's does.
    private var isFirst = true

    /// Takes a text, whose bytes must outlive the stages, as one piece.
    mutating func begin(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool) {
        outside = text
        isRewritten = false
        self.isFirst = isFirst
        spans.removeAll(keepingCapacity: true)
        if !text.isEmpty { spans.append(TextSpan(0, text.count)) }
    }

    /// Calls with the bytes of each piece.
    @inline(__always)
    func forEach(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        withBytes { bytes in
            spans.withUnsafeBufferPointer { spans in
                for span in spans where span.end > span.start {
                    body(UnsafeBufferPointer(rebasing: bytes[span.range]))
                }
            }
        }
    }

    @inline(__always)
    private func withBytes(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        if isRewritten {
            rewritten.withUnsafeBufferPointer(body)
        } else {
            body(outside)
        }
    }

    /// Lets a stage cut all pieces.
    mutating func apply(_ stage: borrowing PreTokenizer) {
        switch copy stage {
        case .split(let pattern, let behavior, let inverted):
            cut(behavior) { text, collector, matcher in
                TextPieces.split(text, pattern, inverted, &collector, &matcher)
            }
        case .scalars(let set, let behavior):
            cut(behavior) { text, collector, _ in TextPieces.split(text, set, &collector) }
        case .byteLevel(let addsPrefixSpace, let pattern, let writesBytes):
            if addsPrefixSpace {
                rewrite { piece, _, result in
                    if piece.first != 0x20 { result.append(0x20) }
                    result.append(contentsOf: piece)
                }
            }
            if let pattern {
                cut(.isolated) { text, collector, matcher in
                    TextPieces.split(text, .program(pattern), false, &collector, &matcher)
                }
            }
            if writesBytes {
                rewrite { piece, _, result in
                    for byte in piece { ByteAlphabet.append(byte, to: &result) }
                }
            }
        case .metaspace(let mark, let scheme, let splits):
            metaspace(mark, scheme)
            if splits {
                cut(.mergedWithNext) { text, collector, matcher in
                    TextPieces.split(text, .text(mark), false, &collector, &matcher)
                }
            }
        case .words(let borders):
            cut(.isolated) { text, collector, _ in borders.cut(text, &collector) }
        case .scripts: cut(.isolated) { text, collector, _ in ScriptBorders.cut(text, &collector) }
        case .fixedLength(let length):
            cut(.isolated) { text, collector, _ in
                var (start, index, count) = (0, 0, 0)
                while index < text.count {
                    index += UTF8Text.length(text[index])
                    count += 1
                    if count == length || index >= text.count {
                        collector.add(start, min(index, text.count), isMatch: true)
                        (start, count) = (index, 0)
                    }
                }
            }
        }
    }

    private mutating func metaspace(_ mark: [UInt8], _ scheme: PreTokenizer.PrependScheme) {
        let isFirst = isFirst
        rewrite { piece, index, result in
            let start = result.count
            for byte in piece {
                if byte == 0x20 { result.append(contentsOf: mark) } else { result.append(byte) }
            }
            let prepends = scheme == .always || scheme == .first && isFirst && index == 0
            if prepends, !result[start...].starts(with: mark) {
                result.insert(contentsOf: mark, at: start)
            }
        }
    }

    /// Calls with the bytes of each piece, from its start, and replaces the pieces.
    private mutating func cut(
        _ behavior: SplitBehavior,
        _ body: (UnsafeBufferPointer<UInt8>, inout SpanCollector, inout PatternMatcher) -> Void
    ) {
        var collector = SpanCollector(behavior, reusing: spare)
        spare = []
        let old = spans
        var matcher = PatternMatcher()
        swap(&matcher, &self.matcher)
        withBytes { bytes in
            for span in old where span.end > span.start {
                collector.begin()
                let before = collector.spans.count
                body(UnsafeBufferPointer(rebasing: bytes[span.range]), &collector, &matcher)
                collector.flush()
                if span.start > 0 { collector.shift(from: before, by: span.start) }
            }
        }
        swap(&matcher, &self.matcher)
        spare = spans
        spans = collector.spans
    }

    /// Writes all pieces anew, one after another.
    private mutating func rewrite(
        _ body: (UnsafeBufferPointer<UInt8>, Int, inout [UInt8]) -> Void
    ) {
        var result = [UInt8]()
        var changed = [TextSpan]()
        withBytes { bytes in
            result.reserveCapacity(bytes.count + bytes.count / 2 + 8)
            for (index, span) in spans.enumerated() where span.end > span.start {
                let start = result.count
                body(UnsafeBufferPointer(rebasing: bytes[span.range]), index, &result)
                changed.append(TextSpan(start, result.count))
            }
        }
        rewritten = result
        isRewritten = true
        spans = changed
    }

    @inline(__always)
    private static func split(
        _ text: UnsafeBufferPointer<UInt8>, _ pattern: TextPattern, _ inverted: Bool,
        _ collector: inout SpanCollector, _ matcher: inout PatternMatcher
    ) {
        var last = 0
        pattern.forEachMatch(text, &matcher) { start, end in
            if last != start { collector.add(last, start, isMatch: inverted) }
            collector.add(start, end, isMatch: !inverted)
            last = end
        }
        if last != text.count { collector.add(last, text.count, isMatch: inverted) }
    }

    private static func split(
        _ text: UnsafeBufferPointer<UInt8>, _ set: ScalarSet, _ collector: inout SpanCollector
    ) {
        set.words.withUnsafeBufferPointer { bits in
            var (last, index) = (0, 0)
            while index < text.count {
                let (value, next) = UTF8Text.decode(text, at: index)
                let place = UnicodeCategory.place(value)
                if bits[place >> 6] >> UInt64(place & 63) & 1 != 0 {
                    if last != index { collector.add(last, index, isMatch: false) }
                    collector.add(index, next, isMatch: true)
                    last = next
                }
                index = next
            }
            if last != text.count { collector.add(last, text.count, isMatch: false) }
        }
    }
}
