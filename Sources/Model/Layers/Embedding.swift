public import FledgeTensor

/// A table of token vectors.
public final class Embedding: Module {
    /// The table, shape `[vocabulary, channels]`.
    public let weight: Parameter

    /// Creates a layer from its table.
    public init(weight: Parameter) { self.weight = weight }

    /// Lists the table.
    public func describe(to description: inout ModuleDescription) { description.add(weight) }

    /// The vectors of `ids`, shape `[tokens, channels]`.
    public func callAsFunction(_ ids: [Int32], _ pass: ForwardPass) -> Tensor {
        embeddingLookup(ids, weight, as: pass.elementType)
    }
}
