public import FledgeTensor

/// A part of a model that holds parameters, under the checkpoint's own names.
///
/// Modules list what they hold explicitly, one line for each child; nothing is found by reflection.
/// A test walks every module with `Mirror` and fails on whatever was forgotten.
public protocol Module: AnyObject {
    /// Lists the module's parameters and children.
    func describe(to description: inout ModuleDescription)
}

/// A named tensor of a model that nothing trains, whatever is trained: files hold it all the same.
public final class Buffer {
    /// The name that checkpoints know it by.
    public let name: String
    /// The value.
    public let value: Tensor

    /// Creates a buffer.
    public init(_ name: String, _ value: Tensor) { (self.name, self.value) = (name, value) }
}

/// What a walk over a module finds: parameters and linear layers, in the model's order.
public struct ModuleDescription {
    /// All parameters; one that is shared (a tied head) is listed once.
    public private(set) var parameters: [Parameter] = []
    /// All tensors that belong to the model and are never trained.
    public private(set) var buffers: [Buffer] = []
    /// All frozen matrices in blocks.
    public private(set) var quantizedMatrices: [QuantizedMatrix] = []
    /// All linear layers, the places where adapters attach.
    public private(set) var linears: [Linear] = []
    /// All modules that were visited.
    public private(set) var modules: [any Module] = []
    private var seen: Set<ObjectIdentifier> = []

    /// Creates an empty description.
    public init() {}

    /// Walks a module.
    public init(of module: any Module) {
        self.init()
        add(module)
    }

    /// Lists a parameter.
    public mutating func add(_ parameter: Parameter?) {
        guard let parameter, seen.insert(ObjectIdentifier(parameter)).inserted else { return }
        parameters.append(parameter)
    }

    /// Lists a tensor that is never trained.
    public mutating func add(_ buffer: Buffer?) {
        guard let buffer, seen.insert(ObjectIdentifier(buffer)).inserted else { return }
        buffers.append(buffer)
    }

    /// Lists a matrix in either form.
    public mutating func add(_ matrix: LinearMatrix) {
        add(matrix.parameter)
        guard let blocks = matrix.blocks, seen.insert(ObjectIdentifier(blocks)).inserted
        else { return }
        quantizedMatrices.append(blocks)
    }

    /// Lists a child and everything in it.
    public mutating func add(_ module: (any Module)?) {
        guard let module, seen.insert(ObjectIdentifier(module)).inserted else { return }
        modules.append(module)
        if let linear = module as? Linear { linears.append(linear) }
        module.describe(to: &self)
    }
}

extension Module {
    /// All parameters in the order of the model.
    public var parameters: [Parameter] { ModuleDescription(of: self).parameters }

    /// The parameters that training changes.
    public var trainableParameters: [Parameter] { parameters.filter(\.isTrainable) }

    /// All tensors that belong to the model and are never trained.
    public var buffers: [Buffer] { ModuleDescription(of: self).buffers }

    /// All frozen matrices in blocks, in the order of the model.
    public var quantizedMatrices: [QuantizedMatrix] {
        ModuleDescription(of: self).quantizedMatrices
    }

    /// Replaces quantised weights by the plain matrices that they stand for.
    public func dequantize(as type: ElementType) {
        for module in ModuleDescription(of: self).modules {
            (module as? Linear)?.dequantize(as: type)
            (module as? Embedding)?.dequantize(as: type)
            (module as? Experts)?.dequantize(as: type)
        }
    }

    /// All linear layers in the order of the model.
    public var linears: [Linear] { ModuleDescription(of: self).linears }
}
