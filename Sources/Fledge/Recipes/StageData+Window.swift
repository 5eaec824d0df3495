internal import FledgeCore
internal import FledgeData
internal import FledgeModel

extension StageData {
    /// The error of the first sample that is longer than the model can compute, among those to train and
    /// those to evaluate on; nil where there is none.
    func excess(
        over model: DecoderConfiguration, named name: String = "model", cutoffLength: Int
    ) -> FledgeError? {
        guard let longest = model.longestSequence else { return nil }
        func long(_ rows: LoadedSamples<Sample>) -> ProcessedSample? {
            for row in rows {
                if let long = row.sequences.first(where: { $0.inputIDs.count > longest }) {
                    return long
                }
            }
            return nil
        }
        let training =
            long(known)
            // Not all streamed rows are known yet.
            ?? (isStreamed && cutoffLength > longest ? known.first?.sequences.first : nil)
        let evaluated = evaluations.lazy.compactMap { long($0.rows) }.first
        guard let sample = training ?? evaluated else { return nil }
        let reason =
            model.slidingWindow == longest
            ? "attention has a window of \(longest)"
            : "rotary scaling is dynamic beyond \(longest)"
        let isStreamed = sample.inputIDs.count <= longest
        return FledgeError(
            .unsupported,
            isStreamed
                ? "Streamed samples may have \(cutoffLength) tokens; the \(name)'s \(reason), which is not supported yet."
                : "The sample\(training == nil ? " for evaluation" : "") has \(sample.inputIDs.count) tokens; the \(name)'s \(reason), which is not supported yet.",
            advice: "Set cutoff_len to \(longest) or less.", at: sample.source)
    }
}
