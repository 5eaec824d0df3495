/// A value that a backward pass needs: kept as it is, or derived again from what is kept anyway.
///
/// Norms and gated units are a small part of a block's time and a third of its activations; an
/// operation after them saves how they are computed in place of what they gave.
struct SavedTensor {
    let shape: [Int]
    let elementType: ElementType
    private let content: Content

    private enum Content {
        case kept(Tensor)
        case derived(Derivation)
    }

    fileprivate init(_ tensor: Tensor) {
        (shape, elementType) = (tensor.shape, tensor.elementType)
        content = tensor.derivation.map(Content.derived) ?? .kept(tensor.detached)
    }

    /// The value, with the bits that it had when it was saved.
    var tensor: Tensor {
        switch content {
        case .kept(let tensor): tensor
        case .derived(let derivation): derivation.value
        }
    }
}

/// How a value is computed again; the last operation that needs it releases it.
final class Derivation {
    private let compute: () -> Tensor
    private(set) lazy var value: Tensor = compute()

    init(_ compute: @escaping () -> Tensor) { self.compute = compute }
}

extension Tensor {
    /// This value for a backward pass.
    var saved: SavedTensor { SavedTensor(self) }

    /// The same tensor with a way to compute it again from what its own operation keeps, for the
    /// operations that save it.
    ///
    /// - Parameter compute: Must give the same bits; used only when the tensor is tracked, since its
    ///   operation keeps nothing otherwise.
    consuming func derivable(by compute: @escaping () -> Tensor) -> Tensor {
        var result = self
        if result.isTracked { result.derivation = Derivation(compute) }
        return result
    }
}
