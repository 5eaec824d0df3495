import FledgeTrain

let schedule = Warmup(2, CosineSchedule(peak: 1, steps: 8))
precondition(schedule.rate(at: 0) == 0 && schedule.rate(at: 2) == 1)
print("FledgeTrain: \((0..<10).map(schedule.rate(at:)))")
