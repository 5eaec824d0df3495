public import FledgeTensor

/// Where a model's weights come from, under the names of the Hugging Face checkpoint.
public protocol TensorSource {
    /// The names of all tensors, sorted.
    var names: [String] { get }

    /// A tensor's shape; nil when there is no tensor of that name.
    func shape(of name: String) -> [Int]?

    /// A tensor, converted to an element type; borrowed from the file where no conversion is needed.
    func tensor(named name: String, as type: ElementType) throws -> Tensor
}
