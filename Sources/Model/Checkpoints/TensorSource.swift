public import FledgeTensor

/// Where a model's weights come from, under the names of the Hugging Face checkpoint.
public protocol TensorSource {
    /// The names of all tensors, sorted.
    var names: [String] { get }

    /// A tensor's shape; nil when there is no tensor of that name.
    func shape(of name: String) -> [Int]?

    /// What a tensor's elements are stored as; nil for blocks, and where that is not known.
    func storedType(of name: String) -> SafetensorsType?

    /// The name that a tensor has, or would have, in the file, for messages.
    func storedName(of name: String) -> String

    /// The name that a setting of config.json has in the file that it is read from, for messages.
    func settingName(of setting: String) -> String

    /// A tensor, converted to an element type; borrowed from the file where no conversion is needed.
    func tensor(named name: String, as type: ElementType) throws -> Tensor

    /// A tensor's bytes as they are stored, flat; nil where they are not borrowed from a file.
    func storedBytes(of name: String) -> Tensor?

    /// One slice of a tensor along its first dimension, as the tensor itself; bytes are given as they are
    /// where the type is that of bytes.
    func tensor(named name: String, slice index: Int, as type: ElementType) throws -> Tensor
}

extension TensorSource {
    /// None.
    public func storedBytes(of name: String) -> Tensor? { nil }

    /// Not known.
    public func storedType(of name: String) -> SafetensorsType? { nil }

    /// The name itself.
    public func storedName(of name: String) -> String { name }

    /// The setting itself.
    public func settingName(of setting: String) -> String { setting }

    /// A part of the whole tensor.
    public func tensor(
        named name: String, slice index: Int, as type: ElementType
    ) throws -> Tensor {
        let whole = try tensor(named: name, as: type)
        return whole.rows(index..<index + 1).reshaped(Array(whole.shape.dropFirst()))
    }
}

/// A source that holds some of its matrices in blocks.
public protocol BlockTensorSource: TensorSource {
    /// A matrix in the blocks that it is stored in; nil when it is stored as plain numbers or in
    /// blocks that products cannot be computed with.
    func blocks(named name: String) throws -> QuantizedMatrix?
}
