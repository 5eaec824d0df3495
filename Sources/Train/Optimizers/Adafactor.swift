public import FledgeTensor
internal import Foundation

/// Adafactor (Shazeer and Stern 2018) with the settings that transformers passes it: the schedule's
/// rate, no scaling by the parameter, no first moment.
///
/// Of matrices only the means of squared gradients of rows and columns are kept.
public struct Adafactor: ZeroStateOptimizer, DecayingOptimizer, Hashable {
    /// What is added to squared gradients.
    public var epsilon: Double
    /// The largest root mean square of a change before the rate.
    public var threshold: Double
    /// The power of the step that means are decayed by.
    public var decayPower: Double
    /// Fraction of a weight that is taken away per unit of learning rate.
    public var weightDecay: Double
    /// Which parameters have weight decay.
    public var decayRule = DecayRule.standard
    /// True.
    public var decaysFirst: Bool { true }

    /// Creates an optimizer.
    public init(
        epsilon: Double = 1e-30, threshold: Double = 1, decayPower: Double = -0.8,
        weightDecay: Double = 0
    ) {
        (self.epsilon, self.threshold) = (epsilon, threshold)
        (self.decayPower, self.weightDecay) = (decayPower, weightDecay)
    }

    /// Means of rows and columns, or of elements where there are no rows.
    public func stateForms(name: String, shape: [Int]) -> [String: StateForm] {
        guard shape.count >= 2 else { return ["exp_avg_sq": StateForm(shape)] }
        return [
            "exp_avg_sq_row": StateForm(shape.dropLast()),
            "exp_avg_sq_col": StateForm(shape.dropLast(2) + [shape[shape.count - 1]]),
        ]
    }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) {
        let keep = Float(1 - pow(Double(step.step), decayPower))
        let scale = Float(step.gradientScale)
        var change =
            gradient.shape.count >= 2
            ? factored(gradient, scale, keep, &state) : whole(gradient, scale, keep, &state)
        let size = (change.sumOfSquares() / Double(max(1, change.count))).squareRoot()
        change.scale(by: step.rate / max(1, size / threshold))
        parameter.scaleKept(by: 1 - step.rate * step.weightDecay)
        parameter.addToKept(change, factor: -1)
    }

    /// The change.
    public func workingBytes(for parameter: Parameter) -> Int {
        BufferPool.sizeClass(4 * parameter.value.count) + parameter.changingBytes
    }

    private func whole(
        _ gradient: Tensor, _ scale: Float, _ keep: Float, _ state: inout State
    ) -> Tensor {
        var squares = state.take("exp_avg_sq")
        var change = gradient.detached
        let epsilon = Float(epsilon)
        squares.withMutableFloats { squares in
            change.withMutableFloats { change in
                for i in change.indices {
                    let slope = change[i] * scale
                    squares[i] = keep * squares[i] + (1 - keep) * (slope * slope + epsilon)
                    change[i] = slope / squares[i].squareRoot()
                }
            }
        }
        state["exp_avg_sq"] = squares
        return change
    }

    private func factored(
        _ gradient: Tensor, _ scale: Float, _ keep: Float, _ state: inout State
    ) -> Tensor {
        let shape = gradient.shape
        let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
        var rowMeans = state.take("exp_avg_sq_row")
        var columnMeans = state.take("exp_avg_sq_col")
        var change = gradient.detached
        let epsilon = Float(epsilon)
        rowMeans.withMutableFloats { rowMeans in
            columnMeans.withMutableFloats { columnMeans in
                change.withMutableFloats { change in
                    for matrix in 0..<change.count / max(1, rows * columns) {
                        let matrixRows = UnsafeMutableBufferPointer(
                            rebasing: rowMeans[matrix * rows..<(matrix + 1) * rows])
                        let matrixColumns = UnsafeMutableBufferPointer(
                            rebasing: columnMeans[matrix * columns..<(matrix + 1) * columns])
                        Self.change(
                            UnsafeMutableBufferPointer(
                                rebasing: change[
                                    matrix * rows * columns..<(matrix + 1) * rows * columns]),
                            matrixRows, matrixColumns, scale, keep, epsilon)
                    }
                }
            }
        }
        (state["exp_avg_sq_row"], state["exp_avg_sq_col"]) = (rowMeans, columnMeans)
        return change
    }

    /// Turns a matrix of gradients into changes.
    private static func change(
        _ matrix: UnsafeMutableBufferPointer<Float>, _ rows: UnsafeMutableBufferPointer<Float>,
        _ columns: UnsafeMutableBufferPointer<Float>, _ scale: Float, _ keep: Float,
        _ epsilon: Float
    ) {
        let width = columns.count
        var sums = [Float](repeating: 0, count: width)
        for row in rows.indices {
            var sum: Float = 0
            for column in 0..<width {
                let slope = matrix[row * width + column] * scale
                matrix[row * width + column] = slope
                let square = slope * slope + epsilon
                sum += square
                sums[column] += square
            }
            rows[row] = keep * rows[row] + (1 - keep) * (sum / Float(width))
        }
        for column in 0..<width {
            columns[column] =
                keep * columns[column] + (1 - keep) * (sums[column] / Float(rows.count))
            sums[column] = 1 / columns[column].squareRoot()
        }
        let mean = rows.reduce(0, +) / Float(rows.count)
        for row in rows.indices {
            let factor = 1 / (rows[row] / mean).squareRoot()
            for column in 0..<width { matrix[row * width + column] *= factor * sums[column] }
        }
    }
}
