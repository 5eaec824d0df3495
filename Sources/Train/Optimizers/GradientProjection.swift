internal import FledgeCore
internal import FledgeTensor

/// The side, or sides, of a matrix that a low-rank optimizer projects.
public enum ProjectedSide: String, Hashable, Sendable {
    /// The shorter side.
    case standard = "std"
    /// The longer side.
    case reversed = "reverse_std"
    /// The columns.
    case right
    /// The rows.
    case left
    /// Both.
    case full

    /// Which sides of a matrix of this shape are projected.
    func sides(_ shape: [Int]) -> (left: Bool, right: Bool) {
        let isTall = shape[0] >= shape[1]
        switch self {
        case .standard: return (!isTall, isTall)
        case .reversed: return (isTall, !isTall)
        case .right: return (false, true)
        case .left: return (true, false)
        case .full: return (true, true)
        }
    }
}

/// Bases of a subspace of matrices of one shape.
struct GradientProjection {
    let shape: [Int]
    let rank: Int
    let sides: (left: Bool, right: Bool)

    init(_ shape: [Int], rank: Int, _ side: ProjectedSide, isOrthogonal: Bool = true) {
        self.shape = shape
        // There are no more singular vectors than the shorter side has elements.
        self.rank = isOrthogonal ? min(rank, shape[0], shape[1]) : rank
        sides = side.sides(shape)
    }

    /// The shape of what is projected.
    var projectedShape: [Int] {
        [sides.left ? rank : shape[0], sides.right ? rank : shape[1]]
    }

    /// The bases as states.
    var forms: [String: StateForm] {
        var forms: [String: StateForm] = [:]
        if sides.left { forms["left_basis"] = StateForm([shape[0], rank]) }
        if sides.right { forms["right_basis"] = StateForm([rank, shape[1]]) }
        return forms
    }

    /// Bytes of tensors that a rule holds at once which makes a change of the whole shape and one of the
    /// projected shape.
    func workingBytes(findsBases: Bool, changing: Int) -> Int {
        func bytes(_ count: Int) -> Int { BufferPool.sizeClass(4 * count) }
        let (whole, small) = (bytes(shape[0] * shape[1]), bytes(projectedShape.reduce(1, *)))
        let short = shape.min() ?? 0
        let vectors = bytes(shape[0] * short) + bytes(short * shape[1])
        return max(whole + 2 * small + changing, findsBases ? 2 * vectors : 0)
    }

    /// Puts a gradient's first singular vectors into a state.
    func findBases(_ gradient: Tensor, _ state: inout Optimizer.State) throws {
        let found = try singularValueDecomposition(gradient)
        if sides.left { state["left_basis"] = found.u.firstColumns(rank) }
        if sides.right {
            state["right_basis"] = found.vTransposed.prefix(
                rank * shape[1], shape: [rank, shape[1]])
        }
    }

    /// Puts random numbers into a state.
    func drawBases(_ key: RandomKey, _ state: inout Optimizer.State) {
        for (name, form) in forms {
            var basis = Tensor(gaussian: form.shape, .float32, key)
            basis.scale(by: 1 / Double(rank).squareRoot())
            state[name] = basis
        }
    }

    /// A matrix in the subspace.
    func projected(_ matrix: Tensor, _ state: Optimizer.State) -> Tensor {
        var matrix = matrix
        if let left = state["left_basis"] { matrix = left.product(matrix, transposed: true) }
        if let right = state["right_basis"] {
            matrix = matrix.product(right, rightTransposed: true)
        }
        return matrix
    }

    /// A matrix of the subspace in the whole space.
    func expanded(_ matrix: Tensor, _ state: Optimizer.State) -> Tensor {
        var matrix = matrix
        if let left = state["left_basis"] { matrix = left.product(matrix) }
        if let right = state["right_basis"] { matrix = matrix.product(right) }
        return matrix
    }
}
