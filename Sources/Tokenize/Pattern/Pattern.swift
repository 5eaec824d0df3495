/// A split pattern as a tree.
///
/// The language is that of the pattern engines behind `tokenizers` (Oniguruma) and `tiktoken`
/// (fancy-regex), as far as split patterns need it. What is missing is refused by name: back
/// references, conditionals, unbounded repetition of what may be empty.
indirect enum Pattern: Hashable, Sendable {
    case set(ScalarSet)
    case sequence([Pattern])
    case alternatives([Pattern])
    case repeated(Pattern, ClosedRange<Int>, Repetition)
    case look(Pattern, behind: Bool, negative: Bool)
    case atomic(Pattern)
    case assertion(Assertion)

    enum Repetition: Hashable, Sendable { case greedy, lazy, possessive }

    enum Assertion: Hashable, Sendable {
        case textStart, textEnd, lineStart, lineEnd, wordBorder, noWordBorder
    }

    /// The engines differ in a few points.
    enum Dialect: Hashable, Sendable {
        /// Oniguruma with Ruby's syntax: `^` and `$` mean lines, `{1,3}+` repeats a repetition.
        case oniguruma
        /// fancy-regex: `^` and `$` mean the text, `{1,3}+` is possessive.
        case fancy

        /// The characters of `\w`.
        var word: ScalarSet { self == .oniguruma ? .onigurumaWord : .word }
    }

    /// No limit of a repetition.
    static let unlimited = Int.max

    /// Whether it can match nothing.
    var mayBeEmpty: Bool {
        switch self {
        case .set: false
        case .sequence(let items): items.allSatisfy(\.mayBeEmpty)
        case .alternatives(let items): items.contains(where: \.mayBeEmpty)
        case .repeated(let item, let counts, _): counts.lowerBound == 0 || item.mayBeEmpty
        case .look, .assertion: true
        case .atomic(let item): item.mayBeEmpty
        }
    }

    /// Number of characters of all matches, when they have as many.
    var fixedLength: Int? {
        switch self {
        case .set: return 1
        case .sequence(let items):
            return items.reduce(0) { sum, item in
                sum.flatMap { sum in item.fixedLength.map { sum + $0 } }
            }
        case .alternatives(let items):
            let lengths = Set(items.map(\.fixedLength))
            return lengths.count == 1 ? lengths.first ?? nil : nil
        case .repeated(let item, let counts, _):
            guard counts.lowerBound == counts.upperBound else { return nil }
            return item.fixedLength.map { $0 * counts.lowerBound }
        case .look, .assertion: return 0
        case .atomic(let item): return item.fixedLength
        }
    }

    /// The characters that a match can begin with; `nil` when it can be empty.
    var firstCharacters: ScalarSet? {
        switch self {
        case .set(let set): return set
        case .sequence(let items):
            var result = ScalarSet()
            for item in items {
                switch item {
                case .look, .assertion: continue
                case .repeated(let inner, let counts, _) where counts.lowerBound == 0:
                    guard let first = inner.firstCharacters else { return nil }
                    result = result.union(first)
                default:
                    return item.firstCharacters.map { result.union($0) }
                }
            }
            return nil
        case .alternatives(let items):
            var result = ScalarSet()
            for item in items {
                guard let first = item.firstCharacters else { return nil }
                result = result.union(first)
            }
            return result
        case .repeated(let item, let counts, _):
            return counts.lowerBound == 0 ? nil : item.firstCharacters
        case .look, .assertion: return nil
        case .atomic(let item): return item.firstCharacters
        }
    }
}

/// Why a pattern is refused.
struct PatternError: Error {
    /// What about it, as a part of a sentence.
    var reason: String
}
