internal import FledgeCore
public import FledgeTensor

/// Applies optimizers to the parameters of a run and keeps their states.
public struct OptimizerDriver {
    /// What is trained, and how.
    public let groups: [ParameterGroup]
    private var states: [String: Optimizer.State] = [:]
    /// Whether parameters show what an averaging rule evaluates, not what it trains.
    private var showsAverages = false

    /// Divides the parameters of a run as their optimizer asks for.
    public init(_ optimizer: any Optimizer, _ parameters: [Parameter]) {
        self.init(groups: optimizer.groups(of: parameters))
    }

    /// Trains groups of one's own.
    public init(groups: [ParameterGroup]) {
        self.groups = groups
        let names = groups.flatMap(\.parameters).map(\.name)
        precondition(
            Set(names).count == names.count,
            "OptimizerDriver: of \(names.count) parameters two have one name, or are in two groups")
    }

    /// Those of `parameters` that a step changes, in their order.
    public func active(_ parameters: [Parameter], at step: Int) -> [Parameter] {
        let names = Set(groups.filter { $0.isTrained(at: step) }.flatMap(\.parameters).map(\.name))
        return parameters.filter { names.contains($0.name) }
    }

    /// Changes the parameters that have a gradient.
    ///
    /// - Parameters:
    ///   - scale: What gradients are multiplied by: mean and clipping in one factor.
    ///   - rate: The learning rate, which groups multiply by factors of their own.
    ///   - step: Index of the step, counted from 1.
    /// - Throws: What an optimizer throws; parameters may have been changed by then.
    public mutating func step(
        _ gradients: Gradients, scale: Double = 1, rate: Double, step: Int
    ) throws {
        showTrained()
        var updates: [Update] = []
        for group in groups {
            guard group.isTrained(at: step) else {
                for parameter in group.parameters { states[parameter.name] = nil }
                continue
            }
            let settings = StepSettings(
                step: step, rate: rate * group.rateFactor, weightDecay: group.weightDecay,
                gradientScale: scale)
            for parameter in group.parameters {
                guard let gradient = gradients[parameter] else { continue }
                // The state leaves the dictionary while it changes, so that its tensors are not
                // copied.
                let state =
                    states.removeValue(forKey: parameter.name)
                    ?? group.optimizer.initialState(for: parameter)
                updates.append(
                    Update(
                        parameter: parameter, optimizer: group.optimizer, settings: settings,
                        gradient: gradient, state: state))
            }
        }
        // Large tensors use all threads each; small ones, as those of adapters, share them out.
        let small = updates.partition { Self.isSmall($0.parameter) }
        updates.withUnsafeMutableBufferPointer { updates in
            for index in 0..<small { updates[index].run() }
            parallelFor(updates.count - small) { updates[small + $0].run() }
        }
        for update in updates { states[update.parameter.name] = update.state }
        if let failure = updates.lazy.compactMap(\.failure).first { throw failure }
    }

    private struct Update {
        let parameter: Parameter
        let optimizer: any Optimizer
        let settings: StepSettings
        let gradient: Tensor
        var state: Optimizer.State
        var failure: (any Error)?

        mutating func run() {
            do {
                try optimizer.update(
                    parameter, gradient: gradient, state: &state, settings)
            } catch { failure = error }
        }
    }

    // MARK: - Averages

    /// Puts averages into the parameters of rules that evaluate other weights than they train.
    ///
    /// The next ``step(_:scale:rate:step:)`` takes them back.
    public mutating func showAverages() { show(averages: true) }

    mutating func showTrained() { show(averages: false) }

    private mutating func show(averages: Bool) {
        guard showsAverages != averages else { return }
        showsAverages = averages
        for group in groups {
            guard let rule = group.optimizer as? any AveragingOptimizer else { continue }
            for parameter in group.parameters {
                guard let state = states[parameter.name] else { continue }
                if averages {
                    rule.showAverage(parameter, state)
                } else {
                    rule.showTrained(parameter, state)
                }
            }
        }
    }

    // MARK: - States

    /// Bytes of all states, at the most; nothing is made.
    public var stateBytes: Int {
        let bytes = Dictionary(grouping: groups) { $0.turn?.index }.mapValues { groups in
            groups.reduce(0) { $0 + $1.stateBytes }
        }
        return (bytes[nil] ?? 0) + (bytes.filter { $0.key != nil }.values.max() ?? 0)
    }

    /// The most bytes that one step holds beside gradients and states.
    ///
    /// - Parameter threads: The number of small parameters that change at the same time.
    public func workingBytes(threads: Int = Kernels.threads) -> Int {
        var (large, small) = (0, [Int]())
        for group in groups {
            for parameter in group.parameters {
                let bytes = group.optimizer.workingBytes(for: parameter)
                if Self.isSmall(parameter) {
                    small.append(bytes)
                } else {
                    large = max(large, bytes)
                }
            }
        }
        return max(large, small.sorted(by: >).prefix(max(1, threads)).reduce(0, +))
    }

    private static func isSmall(_ parameter: Parameter) -> Bool { parameter.value.count < 1 << 20 }

    /// All state tensors as `parameter name` + `.` + `state name`, sorted by name.
    public var tensors: [(name: String, tensor: Tensor)] {
        states.flatMap { name, state in
            state.map { (name: "\(name).\($0.key)", tensor: $0.value) }
        }.sorted { $0.name < $1.name }
    }

    /// Takes over state tensors that ``tensors`` gave after a step.
    ///
    /// - Returns: The names that are missing, or have another form, of parameters that the step
    ///   changed; empty when everything was found.
    public mutating func restore(
        after step: Int, from tensor: (String) throws -> Tensor?
    ) rethrows -> [String] {
        var missing: [String] = []
        for group in groups where group.isTrained(at: step) {
            for parameter in group.parameters {
                var state = group.optimizer.initialState(for: parameter)
                for key in state.keys.sorted() {
                    let name = "\(parameter.name).\(key)"
                    if let found = try tensor(name), found.shape == state[key]?.shape,
                        found.elementType == state[key]?.elementType
                    {
                        state[key] = found
                    } else {
                        missing.append(name)
                    }
                }
                states[parameter.name] = state
            }
        }
        // Weights are saved as they are evaluated.
        showsAverages = true
        return missing
    }
}

/// An optimizer that trains other weights than are to be evaluated and saved, such as an average.
public protocol AveragingOptimizer: Optimizer {
    /// Puts into the parameter what is to be evaluated and saved.
    func showAverage(_ parameter: Parameter, _ state: State)
    /// Puts into the parameter what the next step trains, a pure function of the state.
    func showTrained(_ parameter: Parameter, _ state: State)
}
