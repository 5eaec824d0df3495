internal import FledgeCore
internal import Foundation

/// How like a text is to the one that was expected, in per cent, as the reference measures it: ROUGE on
/// words and BLEU-4 on characters.
///
/// Chinese is cut into characters for ROUGE where the reference cuts it into words of a dictionary, so
/// that these values are higher; of other texts they are equal.
public struct TextSimilarity: Hashable, Sendable {
    /// The share of common words.
    public var rouge1: Double
    /// The share of common pairs of words.
    public var rouge2: Double
    /// The share of the longest common subsequence of words.
    public var rougeL: Double
    /// BLEU of up to four characters.
    public var bleu4: Double
    /// Whether one of the texts has Chinese characters.
    public var hasChinese: Bool

    /// Compares a text with what was expected.
    public init(_ prediction: String, expected: String) {
        let (found, wanted) = (WordSegmentation(prediction), WordSegmentation(expected))
        hasChinese = found.hasChinese || wanted.hasChinese
        (rouge1, rouge2, rougeL) = (0, 0, 0)
        if !Self.isBlank(found.words), !Self.isBlank(wanted.words) {
            let rouge = Rouge(
                SpacedSentences(found.words).words, SpacedSentences(wanted.words).words)
            rouge1 = Self.percent(rouge.overlap(of: 1))
            rouge2 = Self.percent(rouge.overlap(of: 2))
            rougeL = Self.percent(rouge.longest)
        }
        bleu4 = Self.percent(
            Self.bleu(Array(prediction.unicodeScalars), Array(expected.unicodeScalars)))
    }

    /// The values under the reference's names.
    public var values: [String: Double] {
        ["rouge-1": rouge1, "rouge-2": rouge2, "rouge-l": rougeL, "bleu-4": bleu4]
    }

    private static func isBlank(_ words: [[Unicode.Scalar]]) -> Bool {
        words.allSatisfy { $0.allSatisfy(\.properties.isWhitespace) }
    }

    /// Four decimals, the even one of two that are as near.
    private static func percent(_ share: Double) -> Double {
        Double(String(format: "%.4f", share * 100)) ?? 0
    }

    /// BLEU of a sentence with the third smoothing of Chen & Cherry (2014).
    private static func bleu(_ found: [Unicode.Scalar], _ wanted: [Unicode.Scalar]) -> Double {
        var (logarithms, halvings) = (0.0, 1.0)
        for order in 1...4 {
            let (counts, known) = (counts(found, order), counts(wanted, order))
            let common = counts.reduce(0) { $0 + min($1.value, known[$1.key] ?? 0) }
            let all = max(1, found.count - order + 1)
            if common == 0 {
                if order == 1 { return 0 }
                logarithms += log(1 / (exp2(halvings) * Double(all)))
                halvings += 1
            } else {
                logarithms += log(Double(common) / Double(all))
            }
        }
        let brevity =
            found.count > wanted.count
            ? 1 : exp(1 - Double(wanted.count) / Double(max(found.count, 1)))
        return brevity * exp(logarithms / 4)
    }

    private static func counts(
        _ text: [Unicode.Scalar], _ order: Int
    ) -> [ArraySlice<Unicode.Scalar>: Int] {
        var counts: [ArraySlice<Unicode.Scalar>: Int] = [:]
        guard text.count >= order else { return counts }
        for begin in 0...text.count - order { counts[text[begin..<begin + order], default: 0] += 1 }
        return counts
    }
}

/// The words of a text as the reference's ROUGE sees them: joined by blanks, cut into sentences, each of
/// them cut at blanks again. A sentence of blanks is an empty word.
private struct SpacedSentences {
    let words: [String]

    init(_ words: [[Unicode.Scalar]]) {
        var text = Array(words.joined(separator: [" "] as [Unicode.Scalar]))
        // Closing quotes stand behind a blank here, so that the rules about them never hold.
        text = Self.broken(text) { rest in
            guard let first = rest.first, ["。", "！", "？", "?"].contains(first) else { return nil }
            return 1
        }
        text = Self.broken(text) {
            $0.prefix(6) == ["." as Unicode.Scalar, ".", ".", ".", ".", "."] ? 6 : nil
        }
        while text.last?.properties.isWhitespace == true { text.removeLast() }
        self.words = text.split(separator: "\n").flatMap { sentence -> [String] in
            let parts = sentence.split(whereSeparator: \.properties.isWhitespace)
            return parts.isEmpty ? [""] : parts.map { String(String.UnicodeScalarView($0)) }
        }
    }

    /// A line break between each match and the character after it, which is no part of the next match.
    private static func broken(
        _ text: [Unicode.Scalar], _ matched: (ArraySlice<Unicode.Scalar>) -> Int?
    ) -> [Unicode.Scalar] {
        var (result, place) = ([Unicode.Scalar](), 0)
        while place < text.count {
            guard let count = matched(text[place...]), place + count < text.count,
                !["”", "’"].contains(text[place + count])
            else {
                result.append(text[place])
                place += 1
                continue
            }
            result += text[place..<place + count] + ["\n", text[place + count]]
            place += count + 1
        }
        return result
    }
}

/// Shares of what two lists of words have in common (Lin 2004).
private struct Rouge {
    private let found: [Int]
    private let wanted: [Int]

    init(_ found: [String], _ wanted: [String]) {
        var numbers: [String: Int] = [:]
        func numbered(_ words: [String]) -> [Int] {
            words.map { word in
                let number = numbers[word] ?? numbers.count
                numbers[word] = number
                return number
            }
        }
        (self.found, self.wanted) = (numbered(found), numbered(wanted))
    }

    /// The share of common runs of words, each of which counts once.
    func overlap(of order: Int) -> Double {
        func runs(_ words: [Int]) -> Set<ArraySlice<Int>> {
            guard words.count >= order else { return [] }
            return Set((0...words.count - order).map { words[$0..<$0 + order] })
        }
        let (first, second) = (runs(found), runs(wanted))
        return share(first.intersection(second).count, of: first.count, and: second.count)
    }

    /// The share of the longest common subsequence.
    var longest: Double {
        var lengths = [Int](repeating: 0, count: wanted.count + 1)
        for word in found {
            var diagonal = 0
            for (place, other) in wanted.enumerated() {
                let above = lengths[place + 1]
                lengths[place + 1] =
                    word == other ? diagonal + 1 : max(above, lengths[place])
                diagonal = above
            }
        }
        return share(lengths[wanted.count], of: found.count, and: wanted.count)
    }

    private func share(_ common: Int, of first: Int, and second: Int) -> Double {
        let precision = first == 0 ? 0 : Double(common) / Double(first)
        let recall = second == 0 ? 0 : Double(common) / Double(second)
        return 2 * (precision * recall / (precision + recall + 1e-8))
    }
}
