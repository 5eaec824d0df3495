import FledgeTensor
import FledgeTrain

let schedule = Warmup(2, CosineSchedule(peak: 1, steps: 8))
precondition(schedule.rate(at: 0) == 0 && schedule.rate(at: 2) == 1)
print("FledgeTrain: \((0..<10).map(schedule.rate(at:)))")

/// A rule of somebody else's with a state of bytes: the sign of the gradient, halved where it turned.
struct SignDescent: Optimizer {
    func initialState(for parameter: Parameter) -> State {
        ["signs": Tensor(zeros: parameter.value.shape, .uint8)]
    }

    func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        var weights = parameter.value.scalars()
        state["signs"]?.withUnsafeMutableBytes { signs in
            for (index, slope) in gradient.scalars().enumerated() where slope != 0 {
                let sign: UInt8 = slope > 0 ? 1 : 2
                let length = Float(step.rate) * (signs[index] == 3 - sign ? 0.5 : 1)
                weights[index] -= sign == 1 ? length : -length
                signs[index] = sign
            }
        }
        parameter.value = Tensor(weights, shape: parameter.value.shape)
    }
}

/// A schedule of somebody else's.
struct Halving: LearningRateSchedule {
    func rate(at step: Int) -> Double { step < 2 ? 0.5 : 0.25 }
}

let weight = Parameter("weight", Tensor([1, -1] as [Float], shape: [2]), isTrainable: true)
let bias = Parameter("bias", Tensor([2] as [Float], shape: [1]), isTrainable: true)
var driver = OptimizerDriver(groups: [
    ParameterGroup("slow", [weight], SignDescent(), rateFactor: 0.5),
    ParameterGroup("adam", [bias], AdamW()),
])
for step in 1...3 {
    var gradients = Gradients()
    gradients[weight] = Tensor([1, -1] as [Float], shape: [2])
    gradients[bias] = Tensor([1] as [Float], shape: [1])
    try driver.step(gradients, rate: Halving().rate(at: step - 1), step: step)
}
precondition(weight.value.scalars() == [0.375, -0.375])
precondition(driver.tensors.map(\.name).contains("weight.signs"))
print("FledgeTrain: \(weight.value), \(driver.stateBytes) bytes")
