/// What a stage looks for: a text, or a pattern.
enum TextPattern: Hashable, Sendable {
    case text([UInt8])
    case program(PatternProgram)

    static func == (left: TextPattern, right: TextPattern) -> Bool {
        switch (left, right) {
        case (.text(let a), .text(let b)): a == b
        case (.program(let a), .program(let b)): a === b
        default: false
        }
    }

    func hash(into hasher: inout Hasher) {
        switch self {
        case .text(let bytes): hasher.combine(bytes)
        case .program(let program): hasher.combine(program.expression)
        }
    }

    /// Calls with what is found, from left to right.
    @inline(__always)
    func forEachMatch(
        _ text: UnsafeBufferPointer<UInt8>, _ matcher: inout PatternMatcher,
        _ body: (Int, Int) -> Void
    ) {
        switch self {
        case .program(let program): matcher.forEachMatch(of: program, text, body)
        case .text(let wanted):
            guard let first = wanted.first else { return }
            var index = 0
            while index + wanted.count <= text.count {
                guard text[index] == first,
                    wanted.count == 1
                        || text[index..<index + wanted.count].elementsEqual(wanted)
                else {
                    index += 1
                    continue
                }
                body(index, index + wanted.count)
                index += wanted.count
            }
        }
    }

    /// Replaces all that is found.
    func replaceAll(in text: inout [UInt8], by content: [UInt8]) {
        var result = [UInt8]()
        var copied = 0
        var matcher = PatternMatcher()
        text.withUnsafeBufferPointer { text in
            forEachMatch(text, &matcher) { start, end in
                if result.isEmpty { result.reserveCapacity(text.count + text.count / 4) }
                result.append(contentsOf: text[copied..<start])
                result.append(contentsOf: content)
                copied = end
            }
            if copied > 0 || !result.isEmpty { result.append(contentsOf: text[copied...]) }
        }
        if copied > 0 || !result.isEmpty { text = result }
    }
}
