public import FledgeTensor

/// A table of token vectors.
public final class Embedding: Module {
    /// The table, shape `[vocabulary, channels]`.
    public private(set) var matrix: LinearMatrix
    /// The token whose vector is not trained as an input, as in Hugging Face's models; where another
    /// token than the one for padding has this id too, it is not either.
    public let paddingID: Int32?
    /// What vectors are multiplied by.
    public let scale: Scale

    /// A number that vectors are multiplied by.
    public struct Scale: Hashable, Sendable {
        /// The number.
        public var value: Double
        /// Whether it is rounded to the type of the vectors first, as where it is a tensor.
        public var isRounded: Bool

        /// Creates a scale.
        public init(_ value: Double, isRounded: Bool = false) {
            (self.value, self.isRounded) = (value, isRounded)
        }
    }

    /// Creates a layer from its table.
    public init(matrix: LinearMatrix, paddingID: Int32? = nil, scale: Scale = Scale(1)) {
        (self.matrix, self.paddingID, self.scale) = (matrix, paddingID, scale)
    }

    /// Replaces a table in blocks by the plain one that it stands for.
    public func dequantize(as type: ElementType) { matrix.dequantize(as: type) }

    /// Lists the table.
    public func describe(to description: inout ModuleDescription) { description.add(matrix) }

    /// The vectors of `ids`, shape `[tokens, channels]`.
    public func callAsFunction(_ ids: [Int32], _ pass: ForwardPass) -> Tensor {
        let vectors = embeddingLookup(ids, matrix, as: pass.elementType, paddingID: paddingID)
        guard scale.value != 1 else { return vectors }
        let isRounded = scale.isRounded && pass.elementType != .float64
        let rounded = Tensor([Float(scale.value)], shape: []).converted(to: pass.elementType).scalar
        return vectors * (isRounded ? rounded : scale.value)
    }
}
