import FledgeCore
import FledgeTesting
import FledgeTrain
import Testing

/// Schedules that follow evaluations, against PyTorch and transformers on the same losses.
@Suite struct EvaluationScheduleTests {
    private static let losses = [
        3.0, 2.5, 2.4999, 2.6, 2.4, 2.41, 2.42, 2.43, 2.3, 2.2, 2.1, 2.0, 2.0, 2.0, 2.0, 1.9, 2.5,
        2.5, 2.5, 2.5,
    ]

    /// `ReduceLROnPlateau(factor=0.5, patience=1, cooldown=1, min_lr=0.15)` from 1 on.
    @Test func plateau() {
        var schedule = PlateauSchedule(1, factor: 0.5, patience: 1, cooldown: 1, least: 0.15)
        expect(
            &schedule,
            [
                1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.15, 0.15,
                0.15, 0.15, 0.15, 0.15, 0.15,
            ])
    }

    /// `GreedyLR(factor=0.5, patience=1, cooldown=1, warmup=1, min_lr=0.3, max_lr=3, reset_start=1)`
    /// from 1 on.
    @Test func greedy() {
        var schedule = GreedySchedule(
            1, factor: 0.5, patience: 1, cooldown: 1, warmup: 1, bounds: 0.3...3, resetAfter: 1)
        expect(
            &schedule,
            [
                1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0,
                0.5, 0.5, 0.5,
            ])
    }

    private func expect<Schedule: EvaluationSchedule & Hashable>(
        _ schedule: inout Schedule, _ rates: [Double]
    ) {
        #expect(rates.count == Self.losses.count && Set(rates).count > 2)
        let fresh = schedule
        for (index, (loss, rate)) in zip(Self.losses, rates).enumerated() {
            schedule.hear(["eval_loss": loss])
            #expect(abs(schedule.rate(at: index) - rate) < 1e-12, "after evaluation \(index + 1)")
            // Whoever goes on from the state has heard the same.
            var restored = fresh
            restored.state = schedule.state
            #expect(restored == schedule)
            schedule.hear(["eval_other_loss": 0])
            #expect(restored == schedule)
        }
    }
}
