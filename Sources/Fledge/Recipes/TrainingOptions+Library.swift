internal import FledgeCore
internal import FledgeTrain

extension Interval {
    /// The interval that a strategy and a number of steps describe.
    init(
        _ strategy: TrainingArguments.IntervalStrategy, _ steps: StepInterval, _ plan: TrainingPlan
    ) {
        switch strategy {
        case .never: self = .never
        case .epoch: self = .everyEpoch
        case .steps: self = .every(steps.count(of: plan.totalSteps))
        }
    }
}
