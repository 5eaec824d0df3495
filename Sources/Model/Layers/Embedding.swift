public import FledgeTensor

/// A table of token vectors.
public final class Embedding: Module {
    /// The table, shape `[vocabulary, channels]`.
    public let weight: Parameter
    /// The token whose vector is not trained as an input, as in Hugging Face's models; where another
    /// token than the one for padding has this id too, it is not either.
    public let paddingID: Int32?

    /// Creates a layer from its table.
    public init(weight: Parameter, paddingID: Int32? = nil) {
        (self.weight, self.paddingID) = (weight, paddingID)
    }

    /// Lists the table.
    public func describe(to description: inout ModuleDescription) { description.add(weight) }

    /// The vectors of `ids`, shape `[tokens, channels]`.
    public func callAsFunction(_ ids: [Int32], _ pass: ForwardPass) -> Tensor {
        embeddingLookup(ids, weight, as: pass.elementType, paddingID: paddingID)
    }
}
