internal import FledgeCore
internal import Foundation

/// A regular expression that is searched for in answers: ICU's syntax, as Foundation has it, with
/// Python's `(?P<name>…)` besides.
///
/// A search that would take for ever ends with an error: what a model writes is not in anybody's hand.
struct SearchPattern: Hashable {
    private let expression: NSRegularExpression
    private let text: String

    /// Rounds of ten thousand steps each that a search may take; some seconds.
    private static let mostRounds = 3000

    /// - Throws: `FledgeError` when the text is no regular expression.
    init(_ text: String, ignoresCase: Bool = false) throws {
        self.text = text
        do {
            expression = try NSRegularExpression(
                pattern: text.replacing("(?P<", with: "(?<"),
                options: ignoresCase ? [.caseInsensitive] : [])
        } catch {
            throw FledgeError(
                .configuration, "\(Self.shown(text)) is no regular expression.",
                advice: "Write it as for ICU or Python; in YAML put it in single quotation marks.")
        }
    }

    private static func shown(_ text: String) -> String {
        JSONValue.string(String(text.prefix(100))).serialized()
    }

    /// Number of groups that take a text.
    var groupCount: Int { expression.numberOfCaptureGroups }

    /// - Throws: `FledgeError` when there is no group of this number or name.
    func requireGroup(_ group: String) throws {
        let isThere =
            Int(group).map { (0...groupCount).contains($0) }
            ?? (text.contains("(?<\(group)>") || text.contains("(?P<\(group)>"))
        guard !isThere else { return }
        throw FledgeError(
            .configuration, "\(Self.shown(text)) has no group \(group), but \(groupCount) groups.",
            advice: "Name a group by its number, 0 for the whole match, or by its name.")
    }

    /// Whether it is found in a text.
    ///
    /// - Throws: `FledgeError` when the search takes too many steps.
    func isFound(in text: String) throws -> Bool { try !search(text, stopsAtFirst: true).isEmpty }

    /// What a group of the last match took; nil where nothing is found, or the group took no part.
    ///
    /// - Throws: `FledgeError` when the search takes too many steps.
    func lastText(of group: String, in text: String) throws -> String? {
        guard let match = try search(text, stopsAtFirst: false).last else { return nil }
        let range = Int(group).map(match.range(at:)) ?? match.range(withName: group)
        let whole = NSString(string: text)
        guard range.location != NSNotFound, range.location + range.length <= whole.length else {
            return nil
        }
        return whole.substring(with: range)
    }

    /// What a search found so far; its closure is called by one thread at a time.
    private final class Progress: @unchecked Sendable {
        var found: [NSTextCheckingResult] = []
        var rounds = 0
        var isOver = false
    }

    private func search(_ text: String, stopsAtFirst: Bool) throws -> [NSTextCheckingResult] {
        let progress = Progress()
        let range = NSRange(location: 0, length: text.utf16.count)
        // Every place that a match may begin at is told of once besides.
        let most = Self.mostRounds + range.length
        expression.enumerateMatches(in: text, options: [.reportProgress], range: range) {
            match, flags, stop in
            if let match {
                // The last match is all that is asked for.
                progress.found = [match]
                if stopsAtFirst { stop.pointee = true }
            } else if flags.contains(.internalError) {
                progress.isOver = true
            } else if flags.contains(.progress) {
                progress.rounds += 1
                if progress.rounds > most {
                    progress.isOver = true
                    stop.pointee = true
                }
            }
        }
        guard !progress.isOver else {
            throw FledgeError(
                .configuration,
                "The pattern \(Self.shown(self.text)) takes too many steps on an answer of \(text.utf8.count) bytes.",
                advice:
                    "Avoid repetitions of repetitions, such as (a+)+; write possessive ones (a++).")
        }
        return progress.found
    }
}
