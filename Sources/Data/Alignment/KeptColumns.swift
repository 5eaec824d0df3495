internal import FledgeColumnar
internal import FledgeCore

extension Aligner {
    /// Takes over the columns that rows keep; a row without one of them does not fit.
    func keepColumns(_ record: Record, _ sample: inout AlignedSample) {
        for column in description.keptColumns {
            if let value = record.value[column], !value.isNull {
                sample.columns[column] = value
            } else if sample.fault == nil {
                sample.fault = "it has no column \(column), by which answers are judged"
            }
        }
    }
}

extension DatasetDescription {
    /// The error of a column that rows should keep and that none of them has.
    ///
    /// - Parameter found: The names of the columns that there are, as UTF-8.
    func missing(kept column: String, among found: Set<[UInt8]>) -> FledgeError {
        let names = found.map { String(decoding: $0, as: UTF8.self) }.sorted()
        let near = names.nearest(to: column)
        return FledgeError(
            .configuration,
            "The data set \(name) has no column \(column), by which answers are to be judged: found \(names.isEmpty ? "none" : names.listed).",
            advice: near.map { "Did you mean \($0)?" }
                ?? "Name one of its columns in reward_rules.",
            at: FledgeError.Location(file: path))
    }
}
