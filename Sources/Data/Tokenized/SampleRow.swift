internal import FledgeColumnar
public import FledgeCore

/// A row of a table of samples that is being read.
public struct SampleRow {
    /// The row's place in its split, from 0 on.
    public let index: Int
    /// Where the parts of the sample were written; the table itself where that is not known.
    public let places: [FledgeError.Location]
    /// Whether the table was not written here, so that nothing is known beside the columns.
    public let isForeign: Bool
    private let vocabularyCount: Int
    private let table: ArrowRecords
    private let tableRow: Int
    private let extras: ArrowRecords?

    init(
        index: Int, in table: ArrowRecords, at tableRow: Int, extras: ArrowRecords?,
        places: [FledgeError.Location]?, vocabularyCount: Int
    ) {
        (self.index, self.table, self.tableRow, self.extras) = (index, table, tableRow, extras)
        self.vocabularyCount = vocabularyCount
        isForeign = places == nil
        self.places = places ?? [table.location(at: tableRow)]
    }

    /// The whole numbers of a column; `nil` where there is none.
    public func integers(_ name: String) throws -> [Int32]? {
        try table.integers(name, at: tableRow)
    }

    /// Tokens, each of which the tokenizer has.
    public func tokens(_ name: String) throws -> [Int32] {
        let ids = try required(name)
        guard let wrong = ids.first(where: { $0 < 0 || $0 >= vocabularyCount }) else { return ids }
        throw outside(wrong, name)
    }

    /// Labels, each a token or ignored.
    public func labels(_ name: String, count: Int) throws -> [Int32] {
        let labels = try required(name)
        guard labels.count == count else {
            throw failure("\(labels.count) \(name) for \(count) tokens")
        }
        let wrong = labels.first {
            $0 != ProcessedSample.ignored && ($0 < 0 || $0 >= vocabularyCount)
        }
        if let wrong { throw outside(wrong, name) }
        return labels
    }

    /// A truth value.
    public func flag(_ name: String) throws -> Bool {
        guard let value = try table.flag(name, at: tableRow) else { throw missing(name) }
        return value
    }

    /// Whole numbers of what is kept beside the columns; `nil` where there are none.
    public func extra(_ name: String) throws -> [Int32]? {
        try extras?.integers(name, at: index)
    }

    /// The weights of tokens; `nil` where all count alike.
    public func weights(_ name: String, count: Int) throws -> [Float]? {
        guard let weights = try extras?.numbers(name, at: index), !weights.isEmpty else {
            return nil
        }
        guard weights.count == count else {
            throw failure("\(weights.count) weights for \(count) tokens")
        }
        return weights
    }

    /// An error about the row.
    func failure(_ what: String) -> FledgeError {
        FledgeError(
            .fileCorrupt, "The tokenised row is damaged: found \(what).",
            advice: "Remove the folder, it is made anew then.", at: table.location(at: tableRow))
    }

    private func required(_ name: String) throws -> [Int32] {
        guard let values = try integers(name) else { throw missing(name) }
        return values
    }

    private func missing(_ name: String) -> FledgeError {
        FledgeError(
            .mismatch,
            "The tokenised data have no column \(name): found "
                + table.columnNames.listed + ".",
            advice: "They were made for another stage; name another tokenized_path.",
            at: table.location(at: tableRow))
    }

    private func outside(_ id: Int32, _ name: String) -> FledgeError {
        FledgeError(
            .mismatch,
            "The tokenised data have the id \(id) in \(name), the tokenizer has \(vocabularyCount).",
            advice: "They were made with another tokenizer; name another tokenized_path.",
            at: table.location(at: tableRow))
    }
}
