public import FledgeTensor

/// Shape and element type of one tensor of an optimizer's state.
public struct StateForm: Hashable, Sendable {
    /// The shape.
    public let shape: [Int]
    /// The element type.
    public let type: ElementType

    /// Creates a form.
    public init(_ shape: [Int], _ type: ElementType = .float32) {
        (self.shape, self.type) = (shape, type)
    }

    /// The bytes that a tensor of the form takes.
    public var byteCount: Int {
        BufferPool.sizeClass(shape.reduce(type.byteCount, *))
    }
}

/// An optimizer whose states begin as zeros, in forms that follow from a parameter's name and shape.
public protocol ZeroStateOptimizer: Optimizer {
    /// The tensors of the state of a parameter, by name.
    func stateForms(name: String, shape: [Int]) -> [String: StateForm]
}

extension ZeroStateOptimizer {
    /// Zeros.
    public func initialState(for parameter: Parameter) -> State {
        stateForms(name: parameter.name, shape: parameter.value.shape).mapValues {
            Tensor(zeros: $0.shape, $0.type)
        }
    }

    /// The bytes of all forms; nothing is made.
    public func stateBytes(for parameter: Parameter) -> Int {
        stateForms(name: parameter.name, shape: parameter.value.shape).values.reduce(0) {
            $0 + $1.byteCount
        }
    }
}
