public import FledgeTensor

/// A rule that changes one parameter by its gradient.
///
/// Optimizers see one tensor at a time; ``OptimizerDriver`` walks the parameters and keeps and saves
/// the states.
public protocol Optimizer: Sendable {
    /// What the rule remembers of a parameter, by name, such as the moments of Adam.
    typealias State = [String: Tensor]

    /// The state before the first step.
    func initialState(for parameter: Parameter) -> State

    /// Changes a parameter.
    ///
    /// - Parameters:
    ///   - gradient: The gradient of the loss sum, in the parameter's shape.
    ///   - scale: What the gradient is multiplied by: mean and clipping in one factor.
    ///   - rate: The learning rate of this step.
    ///   - step: Index of the step, counted from 1.
    func update(
        _ parameter: Parameter, gradient: Tensor, scale: Double, state: inout State, rate: Double,
        step: Int)
}

/// Applies an optimizer to all parameters of a run and keeps their states.
public struct OptimizerDriver {
    private let optimizer: any Optimizer
    private var states: [String: Optimizer.State] = [:]

    init(_ optimizer: any Optimizer) { self.optimizer = optimizer }

    mutating func step(
        _ parameters: [Parameter], _ gradients: Gradients, scale: Double, rate: Double, step: Int
    ) {
        for parameter in parameters {
            guard let gradient = gradients[parameter] else { continue }
            // The state leaves the dictionary while it changes, so that its tensors are not copied.
            var state =
                states.removeValue(forKey: parameter.name)
                ?? optimizer.initialState(for: parameter)
            optimizer.update(
                parameter, gradient: gradient, scale: scale, state: &state, rate: rate, step: step)
            states[parameter.name] = state
        }
    }

    /// All state tensors as `parameter name` + `.` + `state name`, sorted by name.
    public var tensors: [(name: String, tensor: Tensor)] {
        states.flatMap { name, state in
            state.map { (name: "\(name).\($0.key)", tensor: $0.value) }
        }.sorted { $0.name < $1.name }
    }

    /// Takes over state tensors that ``tensors`` gave.
    ///
    /// - Returns: The names that are missing for `parameters`, empty when everything was found.
    mutating func restore(
        _ parameters: [Parameter], from tensor: (String) throws -> Tensor?
    ) rethrows -> [String] {
        var missing: [String] = []
        for parameter in parameters {
            var state = optimizer.initialState(for: parameter)
            for key in state.keys.sorted() {
                let name = "\(parameter.name).\(key)"
                if let found = try tensor(name), found.shape == state[key]?.shape {
                    state[key] = found
                } else {
                    missing.append(name)
                }
            }
            states[parameter.name] = state
        }
        return missing
    }
}
