import FledgeCore

extension SampleChecks {
    /// So many pairs tell whether length alone decides.
    private static let fewestPairs = 20

    /// The faults of pairs.
    public func faults(in pairs: [PairwiseSample], _ report: DataReport) -> [DataFault] {
        var faults = faults(in: pairs.flatMap { [$0.chosen, $0.rejected] }, report)
        if let fault = lengthFault(pairs) { faults.append(fault) }
        return faults
    }

    /// The fault of pairs of which one side is nearly always the longer one: what is learned then may be
    /// length and nothing else.
    private func lengthFault(_ pairs: [PairwiseSample]) -> DataFault? {
        let different = pairs.filter { $0.chosen.inputIDs.count != $0.rejected.inputIDs.count }
        let longer = different.count { $0.chosen.inputIDs.count > $0.rejected.inputIDs.count }
        let most = max(longer, different.count - longer)
        guard pairs.count >= Self.fewestPairs, most * 20 >= pairs.count * 19 else { return nil }
        let side = longer == most ? "better" : "worse"
        return DataFault(
            .lengthDecides,
            "The \(side) answer is the longer one in \(most) of \(pairs.count) pairs.",
            advice: "What is learned may be length alone: add pairs of the other kind"
                + (side == "better" ? ", or set ld_alpha below 1." : "."),
            places: different.map(\.source))
    }

    /// The faults of marked answers.
    public func faults(in samples: [FeedbackSample], _ report: DataReport) -> [DataFault] {
        var faults = faults(in: samples.map(\.target), report)
        let good = samples.count { $0.isDesirable }
        if !samples.isEmpty, good == 0 || good == samples.count {
            faults.append(
                DataFault(
                    .oneKindOfFeedback,
                    "All answers are marked \(good == 0 ? "bad" : "good").",
                    advice: "Learning needs both kinds; check the column of kto_tag.",
                    places: samples.map(\.target.source)))
        }
        if let only = samples.first, samples.count == 1 {
            faults.append(
                DataFault(
                    .ownAnswerAsOther,
                    "The only row meets its own answer where that of another row is wanted.",
                    advice: "The divergence from the reference is estimated from answers to other "
                        + "questions: give at least two rows.", places: [only.target.source]))
        }
        return faults
    }
}
