import FledgeTrain
import Testing

@Suite("Learning-rate schedules")
struct LearningRateScheduleTests {
    /// Multipliers of transformers for 2 warm-up steps and 10 steps in all, at steps 0…10.
    static let vectors: [(any LearningRateSchedule, [Double])] = [
        (
            Warmup(2, LinearSchedule(peak: 1, steps: 8)),
            [0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0]
        ),
        (
            Warmup(2, CosineSchedule(peak: 1, steps: 8)),
            [
                0, 0.5, 1, 0.96193977, 0.85355339, 0.69134172, 0.5, 0.30865828, 0.14644661,
                0.03806023, 0,
            ]
        ),
        (
            Warmup(2, CosineRestartSchedule(peak: 1, steps: 8, cycles: 2)),
            [0, 0.5, 1, 0.85355339, 0.5, 0.14644661, 1, 0.85355339, 0.5, 0.14644661, 0]
        ),
        (
            Warmup(2, PolynomialSchedule(peak: 1, steps: 8)),
            [
                0, 0.5, 1, 0.87500001, 0.75000002, 0.62500004, 0.50000005, 0.37500006, 0.25000007,
                0.12500009, 1e-07,
            ]
        ),
        (Warmup(2, ConstantSchedule(1)), [0, 0.5, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
        (
            Warmup(2, InverseRootSchedule(peak: 1, timescale: 2)),
            [
                0, 0.5, 1, 0.81649658, 0.70710678, 0.63245553, 0.57735027, 0.53452248, 0.5,
                0.47140452, 0.4472136,
            ]
        ),
        (
            Warmup(2, CosineSchedule(peak: 1, steps: 8, floor: 0.1)),
            [
                0, 0.5, 1, 0.96574579, 0.86819805, 0.72220754, 0.55, 0.37779246, 0.23180195,
                0.13425421, 0.1,
            ]
        ),
        (
            Warmup(2, StableDecaySchedule(peak: 1, stable: 2, decay: 6)),
            [0, 0.5, 1, 1, 1, 0.9330127, 0.75, 0.5, 0.25, 0.0669873, 0]
        ),
    ]

    @Test func hugeFallsAndPeaksOfZero() {
        let slow = StableDecaySchedule(peak: 1, stable: 2, decay: .max)
        #expect(slow.rate(at: 3) == 1 && slow.rate(at: 1_000_000) > 0.99)
        let nothing = PolynomialSchedule(peak: 0, steps: 3)
        #expect((0..<6).allSatisfy { nothing.rate(at: $0) == 0 })
    }

    @Test(arguments: vectors.indices)
    func multipliersAreThoseOfTheReference(_ index: Int) {
        let (schedule, expected) = Self.vectors[index]
        for (step, value) in expected.enumerated() {
            #expect(abs(schedule.rate(at: step) - value) < 1e-8, "\(schedule) at step \(step)")
        }
    }

    @Test func theRateIsTheMultiplierTimesThePeak() {
        let schedule = Warmup(2, CosineSchedule(peak: 2e-4, steps: 8))
        #expect(schedule.rate(at: 0) == 0)
        #expect(schedule.rate(at: 2) == 2e-4)
        #expect(abs(schedule.rate(at: 6) - 1e-4) < 1e-18)
    }
}
