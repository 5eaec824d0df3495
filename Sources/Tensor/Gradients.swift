import FledgeKernels

/// Gradients by parameter, as a value: adding up micro-batches is `+=`.
///
/// A gradient is float32 (float64 for float64 parameters) whatever its parameter is stored as.
public struct Gradients {
    private var tensors: [ObjectIdentifier: (parameter: Parameter, gradient: Tensor)] = [:]

    /// Creates an empty collection.
    public init() {}

    /// The gradient of a parameter; nil when the loss did not depend on it.
    public subscript(parameter: Parameter) -> Tensor? {
        get { tensors[ObjectIdentifier(parameter)]?.gradient }
        set {
            tensors[ObjectIdentifier(parameter)] = newValue.map { gradient in
                precondition(
                    gradient.shape == parameter.value.shape,
                    "Gradients: shape \(gradient.shape) for \(parameter.name) of shape "
                        + "\(parameter.value.shape)")
                return (parameter, gradient.detached)
            }
        }
    }

    /// Takes the gradient of a parameter out.
    mutating func take(_ parameter: Parameter) -> Tensor? {
        tensors.removeValue(forKey: ObjectIdentifier(parameter))?.gradient
    }

    /// Number of parameters with a gradient.
    public var count: Int { tensors.count }

    /// Adds the gradients of another pass, in place.
    public static func += (left: inout Gradients, right: Gradients) {
        for (key, entry) in right.tensors {
            // Moved out while it is written to, so that the dictionary holds no second reference.
            guard var present = left.tensors.updateValue(entry, forKey: key) else { continue }
            present.gradient.add(entry.gradient)
            left.tensors[key] = present
        }
    }

    /// Multiplies every gradient by a number.
    public mutating func scale(by factor: Double) {
        for key in Array(tensors.keys) { tensors[key]?.gradient.scale(by: factor) }
    }

    /// The sum of squares over the gradients of `parameters`, in their order.
    public func squaredNorm(of parameters: [Parameter]) -> Double {
        parameters.reduce(0) { $0 + (self[$1]?.sumOfSquares() ?? 0) }
    }
}
