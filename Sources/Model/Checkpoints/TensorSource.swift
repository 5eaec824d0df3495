public import FledgeTensor

/// Where a model's weights come from, under the names of the Hugging Face checkpoint.
public protocol TensorSource {
    /// The names of all tensors, sorted.
    var names: [String] { get }

    /// A tensor's shape; nil when there is no tensor of that name.
    func shape(of name: String) -> [Int]?

    /// What a tensor's elements are stored as; nil for blocks, and where that is not known.
    func storedType(of name: String) -> SafetensorsType?

    /// A tensor, converted to an element type; borrowed from the file where no conversion is needed.
    func tensor(named name: String, as type: ElementType) throws -> Tensor
}

extension TensorSource {
    /// Not known.
    public func storedType(of name: String) -> SafetensorsType? { nil }
}

/// A source that holds some of its matrices in blocks.
public protocol BlockTensorSource: TensorSource {
    /// A matrix in the blocks that it is stored in; nil when it is stored as plain numbers or in
    /// blocks that products cannot be computed with.
    func blocks(named name: String) throws -> QuantizedMatrix?
}
