public import FledgeTensor

/// A feed-forward layer of several, of which each token goes through a few (Shazeer et al. 2017).
///
/// Each expert computes the rows that it got, and no others.
public final class Experts: Sublayer, RoutedModule {
    /// The matrices of one expert, a gated MLP.
    public struct Expert {
        var gate: LinearMatrix
        var up: LinearMatrix
        var down: LinearMatrix
        let biases: Biases?

        /// What is added to what the matrices give.
        public struct Biases {
            let gate: Parameter
            let up: Parameter
            let down: Parameter

            /// Creates biases: gate and up `[inner]`, down `[channels]`.
            public init(gate: Parameter, up: Parameter, down: Parameter) {
                (self.gate, self.up, self.down) = (gate, up, down)
            }
        }

        /// Creates an expert from its matrices: gate and up `[inner, channels]`, down
        /// `[channels, inner]`.
        public init(
            gate: LinearMatrix, up: LinearMatrix, down: LinearMatrix, biases: Biases? = nil
        ) {
            (self.gate, self.up, self.down, self.biases) = (gate, up, down, biases)
        }

        fileprivate var matrices: [LinearMatrix] { [gate, up, down] }

        fileprivate var parameters: [Parameter] {
            matrices.compactMap(\.parameter)
                + (biases.map { [$0.gate, $0.up, $0.down] } ?? [])
        }

        fileprivate func callAsFunction(
            _ x: Tensor, _ activation: Activation, _ pass: ForwardPass
        ) -> Tensor {
            let order = pass.productOrder
            let inner = gatedActivation(
                linearProduct(x, gate, bias: biases?.gate, order: order),
                linearProduct(x, up, bias: biases?.up, order: order), activation)
            return linearProduct(inner, down, bias: biases?.down, order: order)
        }
    }

    /// What scores experts.
    public enum Router {
        /// A matrix `[experts, channels]`, with what is added to scores, `[experts]`: no place for an
        /// adapter.
        case matrix(Parameter, bias: Parameter? = nil)
        /// A linear layer.
        case layer(Linear)

        /// `[experts, channels]`.
        var shape: [Int] {
            switch self {
            case .matrix(let matrix, _): matrix.value.shape
            case .layer(let layer): layer.matrix.shape
            }
        }

        fileprivate func scores(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
            switch self {
            case .matrix(let matrix, let bias):
                linearProduct(x, .plain(matrix), bias: bias, order: pass.productOrder)
            case .layer(let layer): layer(x, pass)
            }
        }
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

    private let router: Router
    private var experts: [Expert]
    private let shared: Shared?
    private let activation: Activation
    private let count: Int
    private let normalizes: Bool

    /// Creates a layer.
    ///
    /// - Parameters:
    ///   - router: Scores the experts.
    ///   - count: Experts of a token.
    ///   - normalizes: Whether the weights of a token's experts are divided by their sum.
    ///   - shared: What every token goes through.
    public init(
        router: Router, _ experts: [Expert], activation: Activation, count: Int,
        normalizes: Bool, shared: Shared? = nil
    ) {
        precondition(
            router.shape[0] == experts.count && count > 0 && count <= experts.count,
            "Experts: router \(router.shape) for \(count) of \(experts.count) experts")
        (self.router, self.experts, self.activation) = (router, experts, activation)
        (self.count, self.normalizes, self.shared) = (count, normalizes, shared)
    }

    /// Lists router, experts and the shared one.
    public func describe(to description: inout ModuleDescription) {
        switch router {
        case .matrix(let matrix, let bias):
            description.add(matrix)
            description.add(bias)
        case .layer(let layer): description.add(layer)
        }
        for expert in experts {
            for matrix in expert.matrices { description.add(matrix) }
            description.add(expert.biases?.gate)
            description.add(expert.biases?.up)
            description.add(expert.biases?.down)
        }
        description.add(shared?.layer)
        description.add(shared?.gate)
    }

    /// Applies the layer to each row of `x`, shape `[tokens, channels]`.
    public func callAsFunction(_ x: Tensor, _ pass: ForwardPass) -> Tensor {
        let routing = Routing(
            router.scores(x, pass), count: count, normalizes: normalizes, balance: pass.routers,
            copies: pass.routers == nil ? nil : pass.context.copies)
        var places = [[Int32]](repeating: [], count: experts.count)
        for (place, expert) in routing.experts.enumerated() {
            places[Int(expert)].append(Int32(place))
        }
        var (outputs, kept) = ([Tensor](), [[Int32]]())
        for (expert, places) in zip(experts, places) {
            // What is trained has a gradient, if only of zeros.
            let isTrained = expert.parameters.contains { $0.isTrainable }
            guard !places.isEmpty || isTrained else { continue }
            let rows = x.gathered(places.map { $0 / Int32(count) })
            outputs.append(expert(rows, activation, pass))
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
    /// Replaces matrices in blocks by the plain ones that they stand for.
    public func dequantize(as type: ElementType) {
        for index in experts.indices {
            experts[index].gate.dequantize(as: type)
            experts[index].up.dequantize(as: type)
            experts[index].down.dequantize(as: type)
        }
    }

    /// Each token's rows are there once for each of its experts.
    public func activationBytes(_ run: TokenMemory) -> ActivationBytes {
        let rows = TokenMemory(tokens: run.tokens * count, run.elementType)
        let (channels, inner) = (router.shape[1], experts[0].gate.shape[0])
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
