internal import FledgeCore
internal import FledgeData

extension StageData {
    /// What happened to the rows, as sentences for the user.
    public var summary: [String] {
        let extent =
            isStreamed
            ? "\(train.count) samples are streamed; "
                + (train.report == nil ? "of the first " : "")
            : ""
        var lines = notes + [templateNote].compactMap(\.self)
        lines.append(
            extent
                + "\(report.rowCount) rows, \(report.tokenCount) tokens, \(report.supervisedCount) of them learned"
                + (packedLength == nil ? "." : ", packed into \(train.count)."))
        func list(_ places: [FledgeError.Location]) -> String {
            places.prefix(3).map(\.description).joined(separator: ", ")
                + (places.count > 3 ? ", …" : "")
        }
        if !report.dropped.isEmpty {
            let first = report.dropped[0]
            lines.append(
                "\(report.dropped.count) rows are dropped, the first at \(first.source): \(first.reason)."
            )
        }
        if let first = evaluationReport.dropped.first {
            lines.append(
                "\(evaluationReport.dropped.count) rows for evaluation are dropped, the first at \(first.source): \(first.reason)."
            )
        }
        if !report.truncated.isEmpty {
            lines.append(
                "\(report.truncated.count) \(report.truncated.count == 1 ? "row is" : "rows are") cut at cutoff_len: \(list(report.truncated))."
            )
        }
        if !report.unsupervised.isEmpty {
            lines.append(
                "\(report.unsupervised.count) rows have nothing to learn: \(list(report.unsupervised))."
            )
        }
        if !report.equalAnswers.isEmpty {
            lines.append(
                "\(report.equalAnswers.count) rows prefer an answer to the same answer: \(list(report.equalAnswers))."
            )
        }
        if !report.controlStrings.isEmpty {
            lines.append(
                "\(report.controlStrings.count) rows hold control strings such as <|im_end|> in their text: \(list(report.controlStrings))."
            )
        }
        return lines
    }
}
