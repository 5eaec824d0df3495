public import FledgeTensor

/// BAdam (Luo and others 2024): one decoder block after another is trained, each with fresh moments.
///
/// Embeddings, the head and the last norm are not trained; a value head, which no block is any use
/// without, is trained in every step.
public struct BAdam: Optimizer {
    /// What trains a block.
    public var base: any DecayingOptimizer
    /// Which block is trained when.
    public var turns: BlockTurns

    /// Creates an optimizer.
    public init(_ base: any DecayingOptimizer = AdamW(), _ turns: BlockTurns = BlockTurns()) {
        (self.base, self.turns) = (base, turns)
    }

    /// A group, or two with and without weight decay, for each block that has something to train.
    ///
    /// Blocks are told by their numbers, the first in a name.
    public func groups(of parameters: [Parameter]) -> [ParameterGroup] {
        let blocks = Dictionary(grouping: parameters) { Self.block($0.name) ?? -1 }
        let numbers = blocks.keys.filter { $0 >= 0 }.sorted()
        let heads = base.groups(of: (blocks[-1] ?? []).filter { $0.name.hasPrefix("v_head.") })
        return heads
            + numbers.enumerated().flatMap { index, number in
                base.groups(of: blocks[number] ?? []).map { group in
                    var group = group
                    group.name = "block \(number), \(group.name)"
                    group.optimizer = self
                    group.turn = .init(index) { [turns] step in
                        turns.block(at: step, of: numbers.count) == index
                    }
                    return group
                }
            }
    }

    private static func block(_ name: String) -> Int? {
        let parts = name.split(separator: ".")
        guard let place = parts.firstIndex(where: { $0.hasSuffix("layers") }) else { return nil }
        return place + 1 < parts.count ? Int(parts[place + 1]) : nil
    }

    /// The state of a block's first step.
    public func initialState(for parameter: Parameter) -> State {
        base.initialState(for: parameter)
    }

    /// The bytes of a state.
    public func stateBytes(for parameter: Parameter) -> Int { base.stateBytes(for: parameter) }

    /// One step on one parameter.
    public func update(
        _ parameter: Parameter, gradient: Tensor, state: inout State, _ step: StepSettings
    ) throws {
        var inner = step
        inner.step = turns.turn(at: step.step).step
        // A block that has one turn after another begins anew.
        if inner.step == 1 { state = base.initialState(for: parameter) }
        try base.update(parameter, gradient: gradient, state: &state, inner)
    }
}
