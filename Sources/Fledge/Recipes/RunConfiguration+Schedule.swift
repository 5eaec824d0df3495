internal import FledgeCore
package import FledgeTrain

extension TrainingArguments {
    /// The schedule that `lr_scheduler_type` and its companions describe.
    package func learningRates(totalSteps: Int) -> any LearningRateSchedule {
        let warmup = warmup.count(of: totalSteps)
        let (peak, steps) = (learningRate, totalSteps - warmup)
        let parameters = ScheduleParameters(schedule, scheduleParameters)
        func number(_ key: String) -> Double? { parameters.number(key) }
        func word(_ key: String) -> String? { parameters.word(key) }
        func warmed(_ schedule: some ScaledSchedule) -> any LearningRateSchedule {
            Warmup(warmup, schedule)
        }
        func count(_ key: String, _ standard: Int) -> Int {
            parameters.count(key) ?? standard
        }
        func watched(threshold: Double, _ mode: String) -> WatchedMetric {
            let name = bestModelMetric
            return WatchedMetric(
                name.hasPrefix("eval_") ? name : "eval_" + name,
                isMaximized: word("mode").map { $0 == "max" } ?? greaterIsBetter,
                threshold: number("threshold") ?? threshold,
                isRelative: (word("threshold_mode") ?? mode) == "rel")
        }
        let floor = number("min_lr_rate") ?? (peak > 0 ? (number("min_lr") ?? 0) / peak : 0)
        switch schedule {
        case .linear: return warmed(LinearSchedule(peak: peak, steps: steps))
        case .cosine:
            return warmed(
                CosineSchedule(peak: peak, steps: steps, cycles: number("num_cycles") ?? 0.5))
        case .cosineWithRestarts:
            return warmed(
                CosineRestartSchedule(peak: peak, steps: steps, cycles: number("num_cycles") ?? 1))
        case .polynomial:
            return warmed(
                PolynomialSchedule(
                    peak: peak, steps: steps, end: number("lr_end") ?? 1e-7,
                    power: number("power") ?? 1))
        case .constant: return ConstantSchedule(peak)
        case .constantWithWarmup: return warmed(ConstantSchedule(peak))
        case .inverseSquareRoot:
            return warmed(
                InverseRootSchedule(
                    peak: peak, timescale: count("timescale", warmup > 0 ? warmup : 10_000)))
        case .cosineWithMinimum:
            return warmed(
                CosineSchedule(
                    peak: peak, steps: steps, cycles: number("num_cycles") ?? 0.5, floor: floor))
        case .cosineWarmupWithMinimum:
            return Warmup(
                warmup,
                CosineSchedule(
                    peak: peak, steps: steps, cycles: number("num_cycles") ?? 0.5, floor: floor,
                    lead: 1), rise: number("warmup_lr_rate").map { .from($0) } ?? .fromFirstPart)
        case .reduceOnPlateau:
            return PlateauSchedule(
                peak, watched(threshold: 1e-4, "rel"), factor: number("factor") ?? 0.1,
                patience: count("patience", 10), cooldown: count("cooldown", 0),
                least: number("min_lr") ?? 0, epsilon: number("eps") ?? 1e-8)
        case .greedy:
            let least = number("min_lr") ?? 1e-3
            return GreedySchedule(
                peak, watched(threshold: 1e-6, "abs"), factor: number("factor") ?? 0.95,
                patience: count("patience", 10), cooldown: count("cooldown", 0),
                warmup: count("warmup", 0), bounds: least...max(least, number("max_lr") ?? 1),
                epsilon: number("eps") ?? 1e-8, resetAfter: count("reset_start", 500))
        case .warmupStableDecay:
            let stable = count("num_stable_steps", steps / 3)
            let decay = count("num_decay_steps", steps - stable)
            let curve = word("decay_type")
            return warmed(
                StableDecaySchedule(
                    peak: peak, stable: stable, decay: decay, floor: number("min_lr_ratio") ?? 0,
                    curve: curve.flatMap(StableDecaySchedule.Curve.init) ?? .cosine))
        }
    }
}
