/// Reads a split pattern.
struct PatternParser {
    private let characters: [Unicode.Scalar]
    private let dialect: Pattern.Dialect
    private var position = 0
    private var ignoresCase = false
    private var depth = 0

    /// Parses a whole pattern.
    static func parse(_ text: String, _ dialect: Pattern.Dialect) throws -> Pattern {
        var parser = PatternParser(
            characters: Array(text.unicodeScalars), dialect: dialect)
        let pattern = try parser.alternatives()
        guard parser.position == parser.characters.count else {
            throw PatternError(reason: "a ')' closes nothing")
        }
        return pattern
    }

    private init(characters: [Unicode.Scalar], dialect: Pattern.Dialect) {
        (self.characters, self.dialect) = (characters, dialect)
    }

    private var next: Unicode.Scalar? {
        position < characters.count ? characters[position] : nil
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard characters[position...].starts(with: wanted) else { return false }
        position += wanted.count
        return true
    }

    private mutating func advance() throws -> Unicode.Scalar {
        guard let scalar = next else { throw PatternError(reason: "it ends too early") }
        position += 1
        return scalar
    }

    private mutating func alternatives() throws -> Pattern {
        depth += 1
        defer { depth -= 1 }
        guard depth < 100 else { throw PatternError(reason: "it is nested too deeply") }
        let outerCase = ignoresCase
        defer { ignoresCase = outerCase }
        var items = [try sequence()]
        while take("|") { items.append(try sequence()) }
        return items.count == 1 ? items[0] : .alternatives(items)
    }

    private mutating func sequence() throws -> Pattern {
        var items = [Pattern]()
        while let scalar = next, scalar != "|", scalar != ")" {
            guard let item = try atom() else { continue }
            items.append(try repeated(item))
        }
        return items.count == 1 ? items[0] : .sequence(items)
    }

    private mutating func repeated(_ item: Pattern) throws -> Pattern {
        var item = item
        while let counts = try counts() {
            var kind = Pattern.Repetition.greedy
            if take("?") {
                kind = .lazy
            } else if !(counts.isInterval && dialect == .oniguruma), take("+") {
                kind = .possessive
            }
            if case .look = item { throw PatternError(reason: "it repeats a look-around") }
            guard counts.range.upperBound != Pattern.unlimited || !item.mayBeEmpty else {
                throw PatternError(reason: "it repeats without limit what may be empty")
            }
            item = .repeated(item, counts.range, kind)
        }
        return item
    }

    private mutating func counts() throws -> (range: ClosedRange<Int>, isInterval: Bool)? {
        if take("*") { return (0...Pattern.unlimited, false) }
        if take("+") { return (1...Pattern.unlimited, false) }
        if take("?") { return (0...1, false) }
        guard next == "{" else { return nil }
        let start = position
        position += 1
        func number(_ parser: inout PatternParser) -> Int? {
            var digits = ""
            while let scalar = parser.next, ("0"..."9").contains(scalar) {
                digits.unicodeScalars.append(scalar)
                parser.position += 1
            }
            return Int(digits)
        }
        let low = number(&self)
        var high = low
        if take(",") { high = number(&self) ?? Pattern.unlimited }
        guard take("}"), low != nil || high != Pattern.unlimited, let high else {
            // A brace that begins no interval is itself.
            position = start
            return nil
        }
        guard low ?? 0 <= high, low ?? 0 <= 1000, high <= 1000 || high == Pattern.unlimited else {
            throw PatternError(reason: "it repeats something more than 1000 times")
        }
        return ((low ?? 0)...high, true)
    }

    /// One item; `nil` for what only switches an option.
    private mutating func atom() throws -> Pattern? {
        let scalar = try advance()
        switch scalar {
        case "(": return try group()
        case "[": return .set(folded(try classBody()))
        case ".": return .set(ScalarSet(0x0A...0x0A).complement)
        case "^": return .assertion(dialect == .oniguruma ? .lineStart : .textStart)
        case "$": return .assertion(dialect == .oniguruma ? .lineEnd : .textEnd)
        case "*", "+", "?": throw PatternError(reason: "it repeats nothing")
        case "\\":
            switch next {
            case "A": return assertion(.textStart)
            case "z": return assertion(.textEnd)
            case "b": return assertion(.wordBorder)
            case "B": return assertion(.noWordBorder)
            default: return .set(folded(try escape()))
            }
        default: return .set(folded(single(scalar.value)))
        }
    }

    private mutating func assertion(_ kind: Pattern.Assertion) -> Pattern {
        position += 1
        return .assertion(kind)
    }

    private mutating func group() throws -> Pattern? {
        func close(_ parser: inout PatternParser, _ inner: Pattern) throws -> Pattern {
            guard parser.take(")") else { throw PatternError(reason: "a '(' is not closed") }
            return inner
        }
        guard take("?") else { return try close(&self, alternatives()) }
        if take("=") {
            return try close(&self, .look(alternatives(), behind: false, negative: false))
        }
        if take("!") {
            return try close(&self, .look(alternatives(), behind: false, negative: true))
        }
        if take("<=") { return try close(&self, behind(negative: false)) }
        if take("<!") { return try close(&self, behind(negative: true)) }
        if take(">") { return try close(&self, .atomic(alternatives())) }
        let outer = ignoresCase
        var value = true
        while let scalar = next, scalar != ":", scalar != ")" {
            switch scalar {
            case "i": ignoresCase = value
            case "-": value = false
            default:
                throw PatternError(reason: "it has the group '(?\(scalar)', which is not known")
            }
            position += 1
        }
        // Without a colon the option holds to the end of the group around, which resets it.
        if take(")") { return nil }
        guard take(":") else { throw PatternError(reason: "a '(' is not closed") }
        let inner = try close(&self, alternatives())
        ignoresCase = outer
        return inner
    }

    private mutating func behind(negative: Bool) throws -> Pattern {
        let inner = try alternatives()
        guard inner.fixedLength != nil else {
            throw PatternError(reason: "it looks back at something of no fixed length")
        }
        return .look(inner, behind: true, negative: negative)
    }

    private func single(_ value: UInt32) -> ScalarSet { ScalarSet(value...value) }

    /// The set with all other cases of its characters where case is ignored.
    private func folded(_ set: ScalarSet) -> ScalarSet {
        ignoresCase ? CaseFolding.closure(of: set) : set
    }

    /// The set of an escape, after its backslash.
    private mutating func escape() throws -> ScalarSet {
        let scalar = try advance()
        switch scalar {
        case "s": return .space
        case "S": return ScalarSet.space.complement
        case "d": return try category("Nd")
        case "D": return try category("Nd").complement
        case "w": return dialect.word
        case "W": return dialect.word.complement
        case "h" where dialect == .oniguruma:
            return ScalarSet(0x30...0x39, 0x41...0x46, 0x61...0x66)
        case "p", "P": return try property(negated: scalar == "P")
        default: return single(try escapedScalar(scalar))
        }
    }

    private mutating func escapedScalar(_ scalar: Unicode.Scalar) throws -> UInt32 {
        switch scalar {
        case "n": return 0x0A
        case "r": return 0x0D
        case "t": return 0x09
        case "f": return 0x0C
        case "v": return 0x0B
        case "a": return 0x07
        case "e": return 0x1B
        case "0": return 0
        case "x": return try hexadecimal(2)
        case "u": return try hexadecimal(4)
        default:
            let isWord =
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
                || ("0"..."9").contains(scalar)
            guard !isWord else {
                throw PatternError(reason: "it has the escape '\\\(scalar)', which is not known")
            }
            return scalar.value
        }
    }

    private mutating func hexadecimal(_ count: Int) throws -> UInt32 {
        var digits = ""
        if take("{") {
            while let scalar = next, scalar != "}" {
                digits.unicodeScalars.append(scalar)
                position += 1
            }
            position += 1
        } else {
            for _ in 0..<count { digits.unicodeScalars.append(try advance()) }
        }
        guard let value = UInt32(digits, radix: 16), value <= 0x10FFFF else {
            throw PatternError(reason: "'\(digits)' is no code of a character")
        }
        return value
    }

    private mutating func property(negated: Bool) throws -> ScalarSet {
        var name = ""
        var negated = negated
        if take("{") {
            if take("^") { negated.toggle() }
            while let scalar = next, scalar != "}" {
                name.unicodeScalars.append(scalar)
                position += 1
            }
            guard take("}") else { throw PatternError(reason: "a property is not closed") }
        } else {
            name.unicodeScalars.append(try advance())
        }
        let set = try category(name)
        return negated ? set.complement : set
    }

    private func category(_ name: String) throws -> ScalarSet {
        for prefix in ["Script=", "sc=", "General_Category=", "gc="] where name.hasPrefix(prefix) {
            return try category(String(name.dropFirst(prefix.count)))
        }
        if let set = ScalarSet.named(name) { return set }
        guard let mask = UnicodeCategory.mask(named: name) else {
            throw PatternError(reason: "it has the property '\(name)', which is not known")
        }
        return ScalarSet(categories: mask)
    }

    /// A class in brackets, after the opening one: ranges, nested classes, and `&&`.
    private mutating func classBody() throws -> ScalarSet {
        depth += 1
        defer { depth -= 1 }
        guard depth < 100 else { throw PatternError(reason: "it is nested too deeply") }
        let negated = take("^")
        var whole: ScalarSet?
        var set = ScalarSet()
        var isFirst = true
        while true {
            if take("&&") {
                whole = whole.map { $0.intersection(set) } ?? set
                set = ScalarSet()
                continue
            }
            let scalar = try advance()
            if scalar == "]", !isFirst { break }
            isFirst = false
            if scalar == "[" {
                set = set.union(try take(":") ? posixClass() : classBody())
                continue
            }
            var low = scalar.value
            if scalar == "\\" {
                guard let letter = next else { throw PatternError(reason: "it ends too early") }
                if "sSdDwWhpP".unicodeScalars.contains(letter) {
                    set = set.union(try escape())
                    continue
                }
                position += 1
                low = letter == "b" ? 0x08 : try escapedScalar(letter)
            }
            var high = low
            let isRange =
                next == "-" && position + 1 < characters.count
                && characters[position + 1] != "]" && characters[position + 1] != "["
            if isRange {
                position += 1
                let end = try advance()
                high = end == "\\" ? try escapedScalar(advance()) : end.value
                guard low <= high else { throw PatternError(reason: "a range runs backwards") }
            }
            set.insert(low...high)
        }
        let result = whole.map { $0.intersection(set) } ?? set
        return negated ? result.complement : result
    }

    private mutating func posixClass() throws -> ScalarSet {
        var name = ""
        let negated = take("^")
        while let scalar = next, scalar != ":" {
            name.unicodeScalars.append(scalar)
            position += 1
        }
        guard take(":]") else { throw PatternError(reason: "a class is not closed") }
        let set: ScalarSet
        switch name {
        case "space": set = .space
        case "word": set = dialect.word
        case "digit": set = try category("Nd")
        case "alnum": set = try category("Alphabetic").union(category("Nd"))
        case "alpha": set = try category("Alphabetic")
        case "upper": set = ScalarSet(where: \.properties.isUppercase)
        case "lower": set = ScalarSet(where: \.properties.isLowercase)
        case "punct": set = try category("P").union(category("S"))
        default: throw PatternError(reason: "it has the class '\(name)', which is not known")
        }
        return negated ? set.complement : set
    }
}
