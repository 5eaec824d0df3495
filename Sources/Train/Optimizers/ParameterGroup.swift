public import FledgeTensor

/// Parameters that are trained alike: by one rule, at one multiple of the learning rate, with one
/// weight decay.
public struct ParameterGroup {
    /// A name for messages and logs.
    public var name: String
    /// The parameters; none is in two groups.
    public var parameters: [Parameter]
    /// The rule.
    public var optimizer: any Optimizer
    /// What the learning rate is multiplied by.
    public var rateFactor: Double
    /// Fraction of a weight that is taken away per unit of learning rate.
    public var weightDecay: Double
    /// When the group is trained; nil for in every step.
    public var turn: Turn?

    /// One of several turns, of which each step belongs to one.
    ///
    /// States are kept from the first step of a turn to its last.
    public struct Turn: Sendable {
        /// Which of the turns.
        public var index: Int
        /// Whether a step, counted from 1, belongs to it.
        public var holds: @Sendable (Int) -> Bool

        /// Creates a turn.
        public init(_ index: Int, holds: @escaping @Sendable (Int) -> Bool) {
            (self.index, self.holds) = (index, holds)
        }
    }

    /// Creates a group.
    public init(
        _ name: String, _ parameters: [Parameter], _ optimizer: any Optimizer,
        rateFactor: Double = 1, weightDecay: Double = 0, turn: Turn? = nil
    ) {
        (self.name, self.parameters, self.optimizer) = (name, parameters, optimizer)
        (self.rateFactor, self.weightDecay, self.turn) = (rateFactor, weightDecay, turn)
    }

    /// Whether a step, counted from 1, trains the group.
    public func isTrained(at step: Int) -> Bool { turn?.holds(step) ?? true }

    /// Bytes that the states of its parameters take.
    public var stateBytes: Int {
        parameters.reduce(0) { $0 + optimizer.stateBytes(for: $1) }
    }
}

/// Which parameters have weight decay.
public enum DecayRule: Hashable, Sendable {
    /// All but biases and norms, by their names.
    case standard
    /// All but biases.
    case allButBiases
    /// All.
    case all

    /// Whether weight decay applies to a parameter of this name.
    public func applies(to name: String) -> Bool {
        switch self {
        case .all: return true
        case .allButBiases: return !name.contains("bias")
        case .standard:
            let name = name.lowercased()
            if name.contains("bias") || name.contains("layernorm") || name.contains("rmsnorm") {
                return false
            }
            return !name.split(separator: ".").contains { $0 == "norm" || $0.contains("_norm") }
        }
    }
}

/// An optimizer with weight decay of which some parameters are left out.
public protocol DecayingOptimizer: Optimizer {
    /// Fraction of a weight that is taken away per unit of learning rate.
    var weightDecay: Double { get set }
    /// Which parameters have it.
    var decayRule: DecayRule { get set }
    /// Whether its published form, where it is a part of another rule, takes weight decay before the
    /// step and not after it.
    var decaysFirst: Bool { get }
}

extension DecayingOptimizer {
    /// False, as of Adam.
    public var decaysFirst: Bool { false }

    /// Two groups, with weight decay and without.
    public func groups(of parameters: [Parameter]) -> [ParameterGroup] {
        [
            ParameterGroup(
                "decayed", parameters.filter { decayRule.applies(to: $0.name) }, self,
                weightDecay: weightDecay),
            ParameterGroup(
                "undecayed", parameters.filter { !decayRule.applies(to: $0.name) }, self),
        ].filter { !$0.parameters.isEmpty }
    }
}
