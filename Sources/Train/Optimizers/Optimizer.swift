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

    /// Changes a parameter; several parameters may be changed at the same time.
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
        var updates = parameters.compactMap { parameter -> Update? in
            guard let gradient = gradients[parameter] else { return nil }
            // The state leaves the dictionary while it changes, so that its tensors are not copied.
            let state =
                states.removeValue(forKey: parameter.name)
                ?? optimizer.initialState(for: parameter)
            return Update(parameter: parameter, gradient: gradient, state: state)
        }
        // Large tensors use all threads each; small ones, as those of adapters, share them out.
        let small = updates.partition { $0.parameter.value.count < 1 << 20 }
        updates.withUnsafeMutableBufferPointer { updates in
            func run(_ index: Int) {
                optimizer.update(
                    updates[index].parameter, gradient: updates[index].gradient, scale: scale,
                    state: &updates[index].state, rate: rate, step: step)
            }
            for index in 0..<small { run(index) }
            parallelFor(updates.count - small) { run(small + $0) }
        }
        for update in updates { states[update.parameter.name] = update.state }
    }

    private struct Update {
        let parameter: Parameter
        let gradient: Tensor
        var state: Optimizer.State
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
