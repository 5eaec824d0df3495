public import FledgeTensor

/// A rule that changes one parameter by its gradient.
///
/// Optimizers see one tensor at a time and hold no state of their own; ``OptimizerDriver`` walks the
/// parameters of a run, keeps the states and saves them. What has to be known of all parameters, such
/// as which of them have weight decay, is said once by ``groups(of:)``.
public protocol Optimizer: Sendable {
    /// What the rule remembers of a parameter, by name, such as the moments of Adam: tensors of any
    /// shape and element type.
    typealias State = [String: Tensor]

    /// The state before the first step.
    func initialState(for parameter: Parameter) -> State

    /// Changes a parameter; several parameters may be changed at the same time.
    ///
    /// - Parameters:
    ///   - gradient: The gradient of the loss sum, float32 in the parameter's shape.
    ///   - state: What ``initialState(for:)`` made and earlier steps changed.
    ///   - step: What holds for this parameter in this step.
    /// - Throws: What the rule finds no way around, such as a decomposition that does not converge.
    func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings) throws

    /// Bytes that the state of a parameter takes; asked for before any step, to plan a run.
    func stateBytes(for parameter: Parameter) -> Int

    /// Bytes of tensors that ``update(_:gradient:state:_:)`` holds for itself at once; asked for to plan
    /// a run.
    func workingBytes(for parameter: Parameter) -> Int

    /// How the rule divides the parameters of a run; all in one group unless a rule says otherwise.
    ///
    /// Parameters that are in no group are not trained.
    func groups(of parameters: [Parameter]) -> [ParameterGroup]
}

/// What holds for one parameter in one step.
public struct StepSettings: Hashable, Sendable {
    /// Index of the step, counted from 1.
    public var step: Int
    /// The learning rate, with the factor of the parameter's group.
    public var rate: Double
    /// Fraction of the weight that is taken away per unit of learning rate.
    public var weightDecay: Double
    /// What the gradient is multiplied by: mean and clipping in one factor.
    public var gradientScale: Double

    /// Creates settings.
    public init(step: Int, rate: Double, weightDecay: Double = 0, gradientScale: Double = 1) {
        (self.step, self.rate) = (step, rate)
        (self.weightDecay, self.gradientScale) = (weightDecay, gradientScale)
    }
}

extension Optimizer {
    /// All parameters in one group without weight decay.
    public func groups(of parameters: [Parameter]) -> [ParameterGroup] {
        [ParameterGroup("all", parameters, self)]
    }

    /// What is held to change a value in bfloat16 that has no float32 master.
    public func workingBytes(for parameter: Parameter) -> Int { parameter.changingBytes }

    /// The bytes of a state that is made for it.
    public func stateBytes(for parameter: Parameter) -> Int {
        initialState(for: parameter).values.reduce(0) { $0 + $1.ownedByteCount }
    }
}

extension Optimizer.State {
    /// Takes a tensor out, so that it can be changed without being copied.
    package mutating func take(_ name: String) -> Tensor {
        guard let tensor = removeValue(forKey: name) else {
            preconditionFailure("the optimizer's state has no \(name), but \(keys.sorted())")
        }
        return tensor
    }
}
