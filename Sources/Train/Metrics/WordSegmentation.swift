/// Cuts a text into words as jieba does in its accurate mode, which the reference measures ROUGE with;
/// but where that looks Chinese words up, every Chinese character is a word here.
struct WordSegmentation {
    /// The words in their order, blanks among them.
    private(set) var words: [[Unicode.Scalar]] = []
    /// Whether there was a Chinese character, so that jieba's words may be longer.
    private(set) var hasChinese = false

    /// The only entries of jieba's dictionary without a Chinese character that are longer than one.
    private static let terms: [[Unicode.Scalar]] = ["AT&T", "c#", "C#", "c++", "C++"].map {
        Array($0.unicodeScalars)
    }

    init(_ text: String) {
        var run: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            if Self.isPartOfWord(scalar) {
                run.append(scalar)
                continue
            }
            cut(run)
            run = []
            if Self.isChinese(scalar) { hasChinese = true }
            words.append([scalar])
        }
        cut(run)
    }

    static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
        (0x4E00...0x9FD5).contains(scalar.value)
    }

    private static func isLetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
        isDigit(scalar) || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

    private static func isPartOfWord(_ scalar: Unicode.Scalar) -> Bool {
        isLetterOrDigit(scalar) || ["+", "#", "&", ".", "_", "%", "-"].contains(scalar)
    }

    /// Cuts a run of letters, digits and signs: the dictionary's terms go first.
    private mutating func cut(_ run: [Unicode.Scalar]) {
        var (begin, place) = (0, 0)
        while place < run.count {
            guard let term = Self.terms.first(where: { run[place...].starts(with: $0) }) else {
                place += 1
                continue
            }
            cutBetweenTerms(run[begin..<place])
            words.append(term)
            place += term.count
            begin = place
        }
        cutBetweenTerms(run[begin...])
    }

    /// Words are letters and digits with decimals and a percent sign; so is what stands between them.
    private mutating func cutBetweenTerms(_ run: ArraySlice<Unicode.Scalar>) {
        var rest = run
        while let first = rest.first {
            guard Self.isLetterOrDigit(first) else {
                let signs = rest.prefix { !Self.isLetterOrDigit($0) }
                words.append(Array(signs))
                rest = rest.dropFirst(signs.count)
                continue
            }
            var word = Array(rest.prefix(while: Self.isLetterOrDigit))
            rest = rest.dropFirst(word.count)
            if rest.first == "." {
                let decimals = rest.dropFirst().prefix(while: Self.isDigit)
                if !decimals.isEmpty {
                    word += ["."] + decimals
                    rest = rest.dropFirst(1 + decimals.count)
                }
            }
            if rest.first == "%" {
                word.append("%")
                rest = rest.dropFirst()
            }
            words.append(word)
        }
    }
}
