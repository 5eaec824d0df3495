import Fledge

/// A loss of pairs of one's own: the better answer shall win by a margin.
struct MarginLoss: MarginPreferenceLoss {
    var beta: Double { 1 }
    let margin: Double

    func loss(_ distance: Double) -> (value: Double, derivative: Double) {
        (max(0, margin - distance), distance < margin ? -1 : 0)
    }
}

/// A method of training of one's own, `stage: margin` in a configuration, with a key of its own.
struct MarginTraining: TrainingMethod {
    typealias Sample = PairwiseSample

    var name: String { "margin" }
    var rows: RowTraits { RowTraits(isRanking: true, learnsLastAnswer: true) }
    var plotted: [String] { ["rewards/accuracies"] }
    var keys: [RunOption] {
        [
            RunOption(
                "margin_width", .number(.above(0)), 1.0, .effective,
                matters: .with("stage", "margin"), "By how much the better answer shall win.")
        ]
    }

    func parts(
        _ side: ModelSide, _ text: TextSide, _ configuration: RunConfiguration
    ) throws -> TrainingParts<PreferenceBatch> {
        guard case .number(let width) = configuration.values["margin_width"] else {
            throw FledgeError(.configuration, "margin_width is no number.")
        }
        let objective = PreferenceOptimization(
            loss: MarginLoss(margin: width), reference: PolicyWithoutAdapters(side.model))
        return TrainingParts(
            side, objective, seed: configuration.training.seed, usesDropout: false,
            notes: ["Answers shall win by \(width)."])
    }
}
