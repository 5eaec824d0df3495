public import FledgeTensor

/// Compares gradients with central differences in float64.
///
/// ```swift
/// let check = GradientCheck(of: [weight]) { sum(linearProduct(x, weight)) }
/// #expect(check.mismatches.isEmpty, "\(check)")
/// ```
public struct GradientCheck: CustomStringConvertible {
    /// One element whose gradient is not the slope of the loss.
    public struct Mismatch: CustomStringConvertible {
        /// The parameter's name.
        public let parameter: String
        /// The element's index.
        public let element: Int
        /// What the backward pass gave.
        public let gradient: Double
        /// What the central difference gave.
        public let difference: Double

        /// All of it in a line.
        public var description: String {
            "\(parameter)[\(element)]: gradient \(gradient), difference \(difference)"
        }
    }

    /// The elements that do not agree.
    public private(set) var mismatches: [Mismatch] = []
    /// Number of elements that were compared.
    public private(set) var compared = 0
    /// The largest |gradient| that was met: a check of zeros with zeros shows nothing.
    public private(set) var largestGradient = 0.0

    /// Compares every element of every parameter.
    ///
    /// - Parameters:
    ///   - parameters: float64 parameters. Their values are restored.
    ///   - step: Relative distance of the two evaluations.
    ///   - tolerance: How far the two may differ, relative to the larger of 1 and the gradient. A
    ///     central difference errs by about step² + 1e-16/step, 1e-10 here.
    ///   - loss: Returns a scalar; must not draw at random.
    public init(
        of parameters: [Parameter], step: Double = 1e-5, tolerance: Double = 1e-7,
        _ loss: () -> Tensor
    ) {
        let gradients = valueAndGradients(of: parameters, loss).gradients
        for parameter in parameters {
            precondition(
                parameter.value.elementType == .float64,
                "GradientCheck: \(parameter.name) is \(parameter.value.elementType), not float64")
            let values = parameter.value.doubles()
            let found =
                gradients[parameter]?.doubles() ?? Array(repeating: 0, count: values.count)
            for index in values.indices {
                let distance = step * max(1, abs(values[index]))
                func evaluate(_ shift: Double) -> Double {
                    var moved = values
                    moved[index] += shift
                    parameter.value = Tensor(moved, shape: parameter.value.shape)
                    return loss().scalar
                }
                let slope = (evaluate(distance) - evaluate(-distance)) / (2 * distance)
                compared += 1
                largestGradient = max(largestGradient, abs(found[index]))
                let difference = abs(slope - found[index])
                if !(difference <= tolerance * max(1, abs(slope))) {
                    mismatches.append(
                        Mismatch(
                            parameter: parameter.name, element: index, gradient: found[index],
                            difference: slope))
                }
            }
            parameter.value = Tensor(values, shape: parameter.value.shape)
        }
    }

    /// Whether something that is not zero was compared and all of it agrees.
    public var passes: Bool { mismatches.isEmpty && compared > 0 && largestGradient > 0 }

    /// The first mismatches.
    public var description: String {
        "\(mismatches.count) of \(compared) gradients differ, the largest is \(largestGradient)"
            + mismatches.prefix(5).map { "\n  \($0)" }.joined()
    }
}
