/// A named tensor of a model: what is learned, or what is kept frozen.
///
/// The only mutable thing that is shared: layers, adapters and optimizers hold the same object.
public final class Parameter {
    /// The name that checkpoints know it by.
    public let name: String
    /// The present value.
    public var value: Tensor { didSet { revision &+= 1 } }
    /// How often the value was changed: what follows from it holds as long as this is the same.
    package private(set) var revision = 0
    /// The float32 value that a bfloat16 ``value`` is the rounding of: what an optimizer changes and
    /// files keep; nil where the value itself is.
    public var master: Tensor?
    /// Whether an optimizer should change it.
    public var isTrainable: Bool
    /// Its place on the tape while ``valueAndGradients(of:_:)`` runs.
    var reference: TapeReference?

    /// The value in the precision that is kept: the master where there is one.
    public var kept: Tensor { master ?? value }

    /// The value as an input of operations: tracked while ``valueAndGradients(of:_:)`` tracks the
    /// parameter.
    public var tracked: Tensor {
        Tensor(storage: value.storage, shape: value.shape, value.elementType, reference: reference)
    }

    /// Creates a parameter.
    public init(_ name: String, _ value: Tensor, isTrainable: Bool = false) {
        (self.name, self.value, self.isTrainable) = (name, value, isTrainable)
    }
}
