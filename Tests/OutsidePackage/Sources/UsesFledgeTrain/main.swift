import FledgeTrain

let schedule = LearningRateSchedule.cosine(peak: 1, warmup: 2, total: 10)
precondition(schedule.rate(at: 0) == 0 && schedule.rate(at: 2) == 1)
print("FledgeTrain: \((0..<10).map(schedule.rate(at:)))")
