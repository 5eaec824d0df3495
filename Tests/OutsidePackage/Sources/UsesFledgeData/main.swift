import FledgeData

let order = TrainingOrder(count: 5, seed: 42, shuffling: true).indices(epoch: 0)
precondition(order.sorted() == [0, 1, 2, 3, 4])
print("FledgeData: \(order)")
