import Fledge

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
