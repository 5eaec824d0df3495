public import FledgeModel
public import FledgeTensor

/// A low-rank update of a linear map (Hu et al. 2021): `y = W·x + s·B·(A·dropout(x))`.
public final class LoRAAdapter: LinearAdapter {
    /// `A`, shape `[rank, in]`, float32.
    public let down: Parameter
    /// `B`, shape `[out, rank]`, float32.
    public let up: Parameter
    /// What the update is multiplied by: `alpha/rank`, or `alpha/√rank` when rank-stabilised.
    public let scaling: Float
    /// Probability with which an input channel is dropped in training.
    public let dropout: Float
    private let site: String

    /// Creates an adapter for the module `site` from its two factors.
    public init(site: String, down: Parameter, up: Parameter, scaling: Float, dropout: Float) {
        precondition(
            down.value.shape[0] == up.value.shape[1],
            "\(site): factors of rank \(down.value.shape[0]) and \(up.value.shape[1])")
        (self.site, self.down, self.up) = (site, down, up)
        (self.scaling, self.dropout) = (scaling, dropout)
    }

    /// Number of rows of `A`.
    public var rank: Int { down.value.shape[0] }

    /// Lists the two factors.
    public func describe(to description: inout ModuleDescription) {
        description.add(down)
        description.add(up)
    }

    /// The adapted output, shape `[tokens, out]`.
    public func apply(to input: Tensor, of map: LinearMap, _ pass: ForwardPass) -> Tensor {
        map(
            input,
            adding: LowRankTerm(
                down: down, up: up, scaling: scaling, dropout: pass.dropout(dropout, at: site)),
            pass)
    }

    /// The inner product `A·x`.
    public func activationBytes(_ run: TokenMemory) -> Int { run.bytes(rank, sums: true) }

    /// `W + s·B·A`, computed in float32 and rounded once to the weight's element type.
    public func merged(into weight: Tensor) -> Tensor {
        let type = weight.elementType
        let product = linearProduct(up.value, Parameter("A transposed", down.value.transposed()))
        let delta = product * Double(scaling)
        return (weight.converted(to: .float32) + delta).converted(to: type)
    }
}
