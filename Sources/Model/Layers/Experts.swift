public import FledgeTensor

/// A feed-forward layer of several, of which each token goes through a few (Shazeer et al. 2017).
///
/// Each expert computes the rows that it got, and no others.
public final class Experts: Sublayer {
    /// The matrices of one expert, a gated MLP.
    public struct Expert {
        let gate: LinearMatrix
        let up: LinearMatrix
        let down: LinearMatrix

        /// Creates an expert from its matrices: gate and up `[inner, channels]`, down
        /// `[channels, inner]`.
        public init(gate: LinearMatrix, up: LinearMatrix, down: LinearMatrix) {
            (self.gate, self.up, self.down) = (gate, up, down)
        }

        fileprivate var matrices: [LinearMatrix] { [gate, up, down] }
    }

    /// What every token goes through beside its experts.
    public struct Shared {
        let layer: GatedMLP
        let gate: Linear?

        /// Creates a shared expert.
        ///
        /// - Parameter gate: What it is multiplied by, through a sigmoid, shape `[1, channels]`.
        public init(_ layer: GatedMLP, gate: Linear? = nil) {
            (self.layer, self.gate) = (layer, gate)
        }
    }

    private let router: Parameter
    private let experts: [Expert]
    private let shared: Shared?
    private let activation: Activation
    private let count: Int
    private let normalizes: Bool

    /// Creates a layer.
    ///
    /// - Parameters:
    ///   - router: Scores of the experts, shape `[experts, channels]`.
    ///   - count: Experts of a token.
    ///   - normalizes: Whether the weights of a token's experts are divided by their sum.
    ///   - shared: What every token goes through.
    public init(
        router: Parameter, _ experts: [Expert], activation: Activation, count: Int,
        normalizes: Bool, shared: Shared? = nil
    ) {
        precondition(
            router.value.shape[0] == experts.count && count > 0 && count <= experts.count,
            "\(router.name): \(router.value.shape) for \(count) of \(experts.count) experts")
        (self.router, self.experts, self.activation) = (router, experts, activation)
        (self.count, self.normalizes, self.shared) = (count, normalizes, shared)
    }

    /// Lists router, experts and the shared one.
    public func describe(to description: inout ModuleDescription) {
        description.add(router)
        for expert in experts { for matrix in expert.matrices { description.add(matrix) } }
        description.add(shared?.layer)
        description.add(shared?.gate)
    }

    /// Applies the layer to each row of `x`, shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let scores = linearProduct(x, .plain(router), order: pass.productOrder)
        let routing = Routing(scores, count: count, normalizes: normalizes)
        var places = [[Int32]](repeating: [], count: experts.count)
        for (place, expert) in routing.experts.enumerated() {
            places[Int(expert)].append(Int32(place))
        }
        var (outputs, kept) = ([Tensor](), [[Int32]]())
        for (expert, places) in zip(experts, places) {
            // What is trained has a gradient, if only of zeros.
            let isTrained = expert.matrices.contains { $0.parameter?.isTrainable == true }
            guard !places.isEmpty || isTrained else { continue }
            let rows = x.gathered(places.map { $0 / Int32(count) })
            let (gate, up) = (
                linearProduct(rows, expert.gate, order: pass.productOrder),
                linearProduct(rows, expert.up, order: pass.productOrder)
            )
            outputs.append(
                linearProduct(
                    gatedActivation(gate, up, activation), expert.down, order: pass.productOrder))
            kept.append(places)
        }
        let mixed =
            outputs.isEmpty
            ? Tensor(zeros: x.shape).converted(to: x.elementType)
            : weightedRows(outputs, kept, routing.weights)
        guard let shared else { return mixed }
        let common = shared.layer(x, pass)
        guard let gate = shared.gate else { return mixed + common }
        let weights = sigmoid(gate(x, pass))
        return mixed + weightedRows([common], [(0..<Int32(x.shape[0])).map(\.self)], weights)
    }
}

extension Experts {
    /// Each token's rows are there once for each of its experts.
    public func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let rows = TokenMemory(tokens: run.tokens * count, run.elementType)
        let (channels, inner) = (router.value.shape[1], experts[0].gate.shape[0])
        let others = shared?.layer.activationBytes(run)
        let kept = 2 * rows.bytes(channels) + 2 * rows.bytes(inner) + run.bytes(experts.count)
        return ActivationBytes(
            kept: kept + (others?.kept ?? 0) + (shared == nil ? 0 : run.bytes(channels)),
            forward: max(
                2 * rows.bytes(channels) + 3 * rows.bytes(inner), others?.forward ?? 0)
                + run.bytes(channels),
            backward: max(
                3 * rows.bytes(channels, sums: true) + 3 * rows.bytes(inner), others?.backward ?? 0)
        )
    }
}
