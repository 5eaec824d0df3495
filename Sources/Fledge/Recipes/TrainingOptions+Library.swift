internal import FledgeCore
internal import FledgeTrain

extension LearningRateSchedule {
    /// The schedule that `lr_scheduler_type` and its companions describe.
    init(_ options: TrainingArguments, totalSteps: Int) {
        let warmup = options.warmup.count(of: totalSteps)
        let parameters = options.scheduleParameters
        func number(_ key: String) -> Double? { parameters?[key]?.doubleValue }
        let shape: Shape
        switch options.schedule {
        case .linear: shape = .linear
        case .cosine: shape = .cosine(cycles: number("num_cycles") ?? 0.5)
        case .cosineWithRestarts: shape = .cosineWithRestarts(cycles: number("num_cycles") ?? 1)
        case .polynomial:
            shape = .polynomial(end: number("lr_end") ?? 1e-7, power: number("power") ?? 1)
        case .constant, .constantWithWarmup: shape = .constant
        case .inverseSquareRoot:
            shape = .inverseSquareRoot(timescale: parameters?["timescale"]?.intValue)
        case .cosineWithMinimum:
            let floor = number("min_lr_rate") ?? (number("min_lr") ?? 0) / options.learningRate
            shape = .cosineWithFloor(floor: floor, cycles: number("num_cycles") ?? 0.5)
        case .warmupStableDecay:
            let rest = totalSteps - warmup
            let stable = parameters?["num_stable_steps"]?.intValue ?? rest / 3
            shape = .warmupStableDecay(
                stable: stable, decay: parameters?["num_decay_steps"]?.intValue ?? rest - stable,
                floor: number("min_lr_ratio") ?? 0,
                curve: parameters?["decay_type"]?.stringValue.flatMap(Curve.init) ?? .cosine)
        }
        self.init(
            shape, peak: options.learningRate,
            warmup: options.schedule == .constant ? 0 : warmup, total: totalSteps)
    }
}

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
