internal import FledgeCore
internal import FledgeData
internal import Foundation

/// What a column of the row holds, as rules compare it with texts.
struct ExpectedText {
    let column: String
    let ignoresCase: Bool

    var columns: Set<String> { [column] }

    /// Whether a text equals what the column of an answer's row holds, or one element of a list there.
    ///
    /// - Throws: `FledgeError` when the row is not known, or has no such column.
    func isMet(by text: String, _ answer: JudgedAnswer) throws -> Bool {
        guard let row = answer.row else {
            throw FledgeError(
                .configuration,
                "A reward rule compares answers with the column \(column), but of the questions only the tokens are known.",
                advice: "Leave tokenized_path out, so that rows are read from the data set.")
        }
        guard let value = row.columns[column], !value.isNull else {
            throw FledgeError(
                .data,
                "The row has no column \(column), which a reward rule compares answers with.",
                advice: "Add it, or take the row out.", at: row.source)
        }
        return try (value.arrayValue ?? [value]).contains { expected in
            guard let expected = Self.text(of: expected) else {
                throw FledgeError(
                    .data,
                    "The column \(column) holds \(expected.kind), expected a text, a number, true or false, or a list of these.",
                    at: row.source)
            }
            return Self.areEqual(text, expected, ignoringCase: ignoresCase)
        }
    }

    private static func text(of value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer, .largeInteger, .number, .bool: value.serialized()
        case .null, .array, .object: nil
        }
    }

    /// Whether two texts say the same: white space around them aside, and numbers by their value.
    static func areEqual(_ first: String, _ second: String, ignoringCase: Bool) -> Bool {
        var (a, b) = (
            first.trimmingCharacters(in: .whitespacesAndNewlines),
            second.trimmingCharacters(in: .whitespacesAndNewlines)
        )
        if ignoringCase { (a, b) = (a.lowercased(), b.lowercased()) }
        if a == b { return true }
        guard let left = WrittenNumber(a), let right = WrittenNumber(b) else { return false }
        return left == right
    }
}

/// A decimal number as people write it: `1,000`, `+3.50`, `-2e3`.
struct WrittenNumber: Equatable {
    private let digits: String?
    private let value: Double

    init?(_ text: String) {
        var plain = text
        if text.contains(",") {
            guard text.wholeMatch(of: #/[-+]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?/#) != nil else {
                return nil
            }
            plain = text.replacing(",", with: "")
        }
        guard plain.utf8.count <= 400,
            plain.wholeMatch(of: #/[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?/#) != nil
        else { return nil }
        let unsigned = plain.drop { $0 == "-" || $0 == "+" }
        let point = unsigned.hasSuffix(".") ? unsigned.dropLast() : unsigned
        guard let number = Double(plain.hasSuffix(".") ? String(plain.dropLast()) : plain),
            number.isFinite
        else { return nil }
        value = number
        // Whole numbers are compared digit by digit: doubles would take neighbours for one.
        let isWhole = point.allSatisfy(\.isNumber)
        let significant = point.drop { $0 == "0" }
        digits =
            isWhole ? (plain.hasPrefix("-") && !significant.isEmpty ? "-" : "") + significant : nil
    }

    static func == (first: WrittenNumber, second: WrittenNumber) -> Bool {
        if let a = first.digits, let b = second.digits { return a == b }
        return first.value == second.value
    }
}
