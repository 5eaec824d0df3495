internal import FledgeCore
internal import FledgeData

/// What keeps data from being trained on, and what would make a run learn what was not meant.
extension StageData {
    /// Adds what is wrong with the samples and the rows that they are made of.
    mutating func check(
        _ recipe: SampleRecipe<Sample>, _ text: TextSide, rows: [AlignedSample],
        _ evaluated: [AlignedSample]
    ) {
        faults += RowChecks(
            template: text.template, answerCount: recipe.answerCount,
            readsTextAlone: recipe.readsTextAlone, learnsQuestions: recipe.learnsQuestions
        ).faults(in: rows, evaluation: evaluated)
        compare(rows + evaluated, text)
        faults += recipe.check(
            SampleChecks(tokenizer: text.tokenizer, template: text.template), Array(known), report)
        faults += SampleChecks.faults(ofEvaluation: evaluationReport)
        let overlap = SampleChecks.overlap(
            training: known.map(\.identity),
            evaluation: evaluations.flatMap(\.rows).map(\.identity))
        if let overlap { faults.append(overlap) }
    }

    /// Compares how rows are written with the model's own template.
    private mutating func compare(_ rows: [AlignedSample], _ text: TextSide) {
        let found = text.templateChecks?.findings(in: rows) ?? []
        for finding in found where finding.isUnknown {
            faults.append(
                DataFault(
                    .unknownToOwnTemplate, finding.message,
                    advice:
                        "Set template: model, which writes rows as the model's own template does, or "
                        + "leave out what that one does not know.", places: [finding.source]))
        }
        let findings = found.filter { !$0.isUnknown }
        guard let first = findings.first else { return }
        if text.isDerived {
            faults.append(
                DataFault(
                    .unlikeOwnTemplate, first.message,
                    advice:
                        "Set template: model, which writes rows as the model's own template does, "
                        + "or name the model's template.", places: findings.map(\.source)))
        } else if let wrong = findings.first(where: { !$0.isDefaultSystem }) {
            templateNote =
                "Warning: \(wrong.source): \(wrong.message) fledge verify-template shows more."
        } else {
            templateNote =
                "Dialogues without a system text get that of the template \(text.template.name), which is not the model's own one (fledge verify-template shows both)."
        }
    }

    /// Throws for the first row that does not fit, unless such rows may be dropped.
    func requireFitting(_ configuration: RunConfiguration) throws {
        try Self.requireFitting(report, "rows", configuration)
    }

    static func requireFitting(
        _ report: DataReport, _ rows: String, _ configuration: RunConfiguration
    ) throws {
        guard let first = report.dropped.first, !configuration.datasetOptions.dropsInvalidRows
        else { return }
        throw FledgeError(
            .data,
            "\(report.dropped.count) of \(report.rowCount) \(rows) do not fit, the first one: \(first.reason).",
            advice: first.remedy("Correct them"), at: first.source)
    }

    func requireSamples(_ configuration: RunConfiguration) throws {
        let names = configuration.data.datasets
        guard known.isEmpty, !names.isEmpty else { return }
        guard report.rowCount > 0 else {
            throw FledgeError(
                .data, "There are no rows in \(names.listed), expected at least one to train on.",
                advice: "See whether the files are whole, and whether split, num_samples and "
                    + "max_samples leave anything.")
        }
        throw FledgeError(
            .data,
            configuration.method.rows.isText
                ? "Cannot find sufficient samples: \(report.rowCount) rows make none."
                : "Cannot find valid samples: all \(report.rowCount) rows were dropped.",
            advice: report.dropped.first.map { "The first at \($0.source): \($0.reason)." } ?? "")
    }
}
