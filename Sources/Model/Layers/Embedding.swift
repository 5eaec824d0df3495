public import FledgeTensor

/// A table of token vectors.
public final class Embedding: Module {
    /// The table, shape `[vocabulary, channels]`.
    public private(set) var matrix: LinearMatrix
    /// The token whose vector is not trained as an input, as in Hugging Face's models; where another
    /// token than the one for padding has this id too, it is not either.
    public let paddingID: Int32?

    /// Creates a layer from its table.
    public init(matrix: LinearMatrix, paddingID: Int32? = nil) {
        (self.matrix, self.paddingID) = (matrix, paddingID)
    }

    /// Replaces a table in blocks by the plain one that it stands for.
    public func dequantize(as type: ElementType) { matrix.dequantize(as: type) }

    /// Lists the table.
    public func describe(to description: inout ModuleDescription) { description.add(matrix) }

    /// The vectors of `ids`, shape `[tokens, channels]`.
    public func callAsFunction(_ ids: [Int32], _ pass: ForwardPass) -> Tensor {
        embeddingLookup(ids, matrix, as: pass.elementType, paddingID: paddingID)
    }
}
