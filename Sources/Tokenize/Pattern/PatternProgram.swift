/// A split pattern made ready for matching: instructions, and the bits of the sets that they name.
///
/// The memory is filled once and never written again, so that any number of threads may read it.
final class PatternProgram: @unchecked Sendable {
    enum Operation: UInt8 {
        /// One character of set `a`.
        case set
        /// `low` to `high` characters of set `a`, as many as go; `b` is 1 when none are given back.
        case run
        /// Goes on at `a`; should that fail, at `b`.
        case fork
        /// Goes on at `a`.
        case jump
        /// The instructions up to `a`, once and for all: `b` is 0 for an atomic group, 1 and 2 for
        /// looking ahead, positively and not; 3 and 4 for looking `low` characters back.
        case inner
        /// Holds a place: `a` is the number of an ``Pattern/Assertion``.
        case assertion
        /// A match.
        case accept
    }

    struct Instruction {
        var operation: Operation
        var a: Int32 = 0
        var b: Int32 = 0
        var low: Int32 = 0
        var high: Int32 = 0
    }

    /// Each character of a pattern takes some memory while it is parsed.
    static let longestExpression = 4096

    /// The pattern as it was written.
    let expression: String
    let instructions: UnsafeMutableBufferPointer<Instruction>
    /// The sets' bits, one after another.
    let sets: UnsafeMutableBufferPointer<UInt64>
    /// Where each alternative begins; tried in order.
    let entries: UnsafeMutableBufferPointer<Int32>
    /// For each ASCII character, and in place 128 for all others, the alternatives that may match.
    let candidates: UnsafeMutableBufferPointer<UInt64>
    let wordSet: Int

    /// Compiles a pattern.
    ///
    /// - Throws: ``PatternError`` for what is not supported.
    init(_ expression: String, _ dialect: Pattern.Dialect) throws {
        self.expression = expression
        guard expression.utf8.count <= PatternProgram.longestExpression else {
            throw PatternError(reason: "it is longer than \(Self.longestExpression) bytes")
        }
        let pattern = try PatternParser.parse(expression, dialect)
        var alternatives = [pattern]
        if case .alternatives(let items) = pattern, items.count <= 64 { alternatives = items }
        var compiler = PatternCompiler()
        var entries = [Int32]()
        var candidates = [UInt64](repeating: 0, count: 129)
        for (index, alternative) in alternatives.enumerated() {
            entries.append(Int32(compiler.instructions.count))
            try compiler.add(alternative)
            compiler.instructions.append(Instruction(operation: .accept))
            let first = alternative.firstCharacters
            for byte in 0..<128 where first?.contains(UInt32(byte)) ?? true {
                candidates[byte] |= 1 << UInt64(index)
            }
            if first.map({ !$0.isASCII }) ?? true {
                candidates[128] |= 1 << UInt64(index)
            }
        }
        wordSet = compiler.usesWords ? compiler.index(of: dialect.word) : 0
        instructions = PatternProgram.copy(compiler.instructions)
        sets = PatternProgram.copy(compiler.sets.flatMap(\.words))
        self.entries = PatternProgram.copy(entries)
        self.candidates = PatternProgram.copy(candidates)
    }

    deinit {
        instructions.deallocate()
        sets.deallocate()
        entries.deallocate()
        candidates.deallocate()
    }

    private static func copy<Element>(_ items: [Element]) -> UnsafeMutableBufferPointer<Element> {
        let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: items.count)
        _ = memory.initialize(from: items)
        return memory
    }
}

/// Makes instructions of a pattern.
private struct PatternCompiler {
    typealias Instruction = PatternProgram.Instruction

    var instructions: [Instruction] = []
    var sets: [ScalarSet] = []
    var usesWords = false
    private var indices: [ScalarSet: Int] = [:]

    mutating func index(of set: ScalarSet) -> Int {
        if let index = indices[set] { return index }
        indices[set] = sets.count
        sets.append(set)
        return sets.count - 1
    }

    mutating func add(_ pattern: Pattern) throws {
        guard instructions.count < 100_000 else {
            throw PatternError(reason: "it is too large")
        }
        switch pattern {
        case .set(let set):
            instructions.append(Instruction(operation: .set, a: Int32(index(of: set))))
        case .sequence(let items):
            for item in items { try add(item) }
        case .alternatives(let items): try add(alternatives: items)
        case .repeated(let item, let counts, let kind): try add(item, counts, kind)
        case .look(let item, let behind, let negative):
            let kind: Int32 = (behind ? 3 : 1) + (negative ? 1 : 0)
            try addInner(item, kind, length: behind ? item.fixedLength ?? 0 : 0)
        case .atomic(let item): try addInner(item, 0, length: 0)
        case .assertion(let assertion):
            let order: [Pattern.Assertion] = [
                .textStart, .textEnd, .lineStart, .lineEnd, .wordBorder, .noWordBorder,
            ]
            let number = order.firstIndex(of: assertion) ?? 0
            usesWords = usesWords || number >= 4
            instructions.append(Instruction(operation: .assertion, a: Int32(number)))
        }
    }

    private mutating func addInner(_ item: Pattern, _ kind: Int32, length: Int) throws {
        let start = instructions.count
        instructions.append(Instruction(operation: .inner, b: kind, low: Int32(length)))
        try add(item)
        instructions.append(Instruction(operation: .accept))
        instructions[start].a = Int32(instructions.count)
    }

    private mutating func add(alternatives items: [Pattern]) throws {
        var jumps = [Int]()
        for (index, item) in items.enumerated() {
            guard index < items.count - 1 else {
                try add(item)
                break
            }
            let fork = instructions.count
            instructions.append(Instruction(operation: .fork, a: Int32(fork + 1)))
            try add(item)
            jumps.append(instructions.count)
            instructions.append(Instruction(operation: .jump))
            instructions[fork].b = Int32(instructions.count)
        }
        for jump in jumps { instructions[jump].a = Int32(instructions.count) }
    }

    private mutating func add(
        _ item: Pattern, _ counts: ClosedRange<Int>, _ kind: Pattern.Repetition
    ) throws {
        if case .set(let set) = item, kind != .lazy {
            let high = Int32(clamping: counts.upperBound)
            instructions.append(
                Instruction(
                    operation: .run, a: Int32(index(of: set)), b: kind == .possessive ? 1 : 0,
                    low: Int32(counts.lowerBound), high: high))
            return
        }
        if kind == .possessive {
            return try addInner(.repeated(item, counts, .greedy), 0, length: 0)
        }
        for _ in 0..<counts.lowerBound { try add(item) }
        func fork(_ start: Int, _ end: Int) -> Instruction {
            kind == .lazy
                ? Instruction(operation: .fork, a: Int32(end), b: Int32(start))
                : Instruction(operation: .fork, a: Int32(start), b: Int32(end))
        }
        if counts.upperBound == Pattern.unlimited {
            let start = instructions.count
            instructions.append(Instruction(operation: .fork))
            try add(item)
            instructions.append(Instruction(operation: .jump, a: Int32(start)))
            instructions[start] = fork(start + 1, instructions.count)
            return
        }
        var forks = [Int]()
        for _ in counts.lowerBound..<counts.upperBound {
            forks.append(instructions.count)
            instructions.append(Instruction(operation: .fork))
            try add(item)
        }
        for start in forks { instructions[start] = fork(start + 1, instructions.count) }
    }
}
