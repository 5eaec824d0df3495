import FledgeCore
import FledgeTensor
import Foundation

/// Operands of a gated delta rule.
struct DeltaOperands {
    let shape: DeltaShape
    let mixed: Parameter
    let a: Parameter
    let b: Parameter
    let logRate: Parameter
    let bias: Parameter

    /// - Parameter memory: How far a state reaches, in tokens, about.
    init(_ shape: DeltaShape, tokens: Int, memory: Double = 30, _ type: ElementType = .float64) {
        self.shape = shape
        mixed = parameter([tokens, shape.mixedColumns], "mixed", type)
        a = parameter([tokens, shape.valueHeads], "a", scale: 2, type)
        b = parameter([tokens, shape.valueHeads], "b", scale: 2, type)
        let sums = type.accumulator
        let rates = sample([shape.valueHeads], "rates").doubles().map { $0 - log(memory) }
        logRate = Parameter(
            "logRate", Tensor(rates, shape: [shape.valueHeads]).converted(to: sums),
            isTrainable: true)
        bias = parameter([shape.valueHeads], "bias", sums)
    }

    var all: [Parameter] { [mixed, a, b, logRate, bias] }

    func output(_ layout: SequenceLayout) -> Tensor {
        gatedDelta(
            mixed.tracked, a: a.tracked, b: b.tracked, logRate: logRate, bias: bias, shape,
            layout: ScanLayout(layout))
    }

    /// The rule token by token, as it is written down.
    func expected(_ layout: SequenceLayout) -> [Double] {
        let x = [mixed, a, b, logRate, bias].map { $0.value.doubles() }
        let (dk, dv, heads) = (shape.keyChannels, shape.valueChannels, shape.valueHeads)
        var result = [Double](repeating: 0, count: layout.count * heads * dv)
        func unit(_ row: Int, _ start: Int) -> [Double] {
            let at = row * shape.mixedColumns + start
            let part = Array(x[0][at..<at + dk])
            let length = (part.reduce(0) { $0 + $1 * $1 } + 1e-6).squareRoot()
            return part.map { $0 / length }
        }
        for head in 0..<heads {
            let key = head / (heads / shape.keyHeads)
            var states: [[Double]] = []
            for segment in layout.segments {
                var state =
                    segment.parent.map { states[$0] } ?? Array(repeating: 0, count: dk * dv)
                for row in segment.range {
                    let q = unit(row, key * dk).map { $0 / Double(dk).squareRoot() }
                    let k = unit(row, (shape.keyHeads + key) * dk)
                    let start = row * shape.mixedColumns + 2 * shape.keyHeads * dk + head * dv
                    let v = Array(x[0][start..<start + dv])
                    let decay = exp(
                        -exp(x[3][head]) * log1p(exp(x[1][row * heads + head] + x[4][head])))
                    let beta = 1 / (1 + exp(-x[2][row * heads + head]))
                    for index in state.indices { state[index] *= decay }
                    for column in 0..<dv {
                        let held = (0..<dk).reduce(0.0) { $0 + state[$1 * dv + column] * k[$1] }
                        for index in 0..<dk {
                            state[index * dv + column] += k[index] * beta * (v[column] - held)
                        }
                        result[(row * heads + head) * dv + column] = (0..<dk).reduce(0.0) {
                            $0 + state[$1 * dv + column] * q[$1]
                        }
                    }
                }
                states.append(state)
            }
        }
        return result
    }
}
