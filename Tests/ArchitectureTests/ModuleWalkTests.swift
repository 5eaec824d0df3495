import Fledge
import FledgeTesting
import Testing

/// What modules hold and what they say they hold.
@Suite struct ModuleWalkTests {
    /// Everything that a module stores, found by reflection: parameters, and modules below it.
    ///
    /// - Returns: Paths with the objects, in the order of the stored properties.
    static func stored(in module: any Module) -> [(path: String, object: AnyObject)] {
        var found: [(String, AnyObject)] = []
        func look(_ value: Any, _ path: String) {
            let mirror = Mirror(reflecting: value)
            if mirror.displayStyle == .optional || mirror.displayStyle == .collection
                || mirror.displayStyle == .dictionary || mirror.displayStyle == .tuple
                || mirror.displayStyle == .struct || mirror.displayStyle == .enum
            {
                for child in mirror.children { look(child.value, path + "." + (child.label ?? "")) }
            } else if mirror.displayStyle == .class {
                if value is Parameter || value is Buffer || value is QuantizedMatrix
                    || value is any Module
                {
                    found.append((path, value as AnyObject))
                }
            }
        }
        var mirror: Mirror? = Mirror(reflecting: module)
        while let current = mirror {
            for child in current.children { look(child.value, child.label ?? "") }
            mirror = current.superclassMirror
        }
        return found
    }

    /// What the module and those below it store and do not describe.
    static func forgotten(by module: any Module) -> [String] {
        let description = ModuleDescription(of: module)
        let described = Set(
            description.parameters.map { ObjectIdentifier($0) }
                + description.buffers.map { ObjectIdentifier($0) }
                + description.quantizedMatrices.map { ObjectIdentifier($0) }
                + description.modules.map { ObjectIdentifier($0) })
        var missing: [String] = []
        for visited in description.modules {
            for (path, object) in stored(in: visited)
            where !described.contains(ObjectIdentifier(object)) {
                missing.append("\(type(of: visited)).\(path)")
            }
        }
        return missing
    }

    private func models() throws -> [DecoderLM] {
        var untied = TinyModel.configuration
        untied.tieWordEmbeddings = false
        var tied = TinyModel.configuration
        tied.tieWordEmbeddings = true
        return try [TinyModel.make(untied), TinyModel.make(tied)]
    }

    private func quantized() throws -> DecoderLM {
        try DecoderLM(
            TinyModel.configuration, InMemoryTensors(TinyModel.tensors()), storing: .float32,
            linears: .quantized(.int8))
    }

    @Test func everythingStoredIsDescribed() throws {
        for model in try models() + [quantized()] {
            #expect(Self.forgotten(by: model).isEmpty, "\(Self.forgotten(by: model))")
            _ = try model.attach(
                LoRA(rank: 2, alpha: 4, dropout: 0.1, targets: .allLinear), seed: 1)
            #expect(Self.forgotten(by: model).isEmpty, "\(Self.forgotten(by: model))")
            // The walk sees the adapters at all.
            let described = ModuleDescription(of: model).modules
            #expect(described.count { $0 is any LinearAdapter } == 14)
            let stored = described.flatMap { Self.stored(in: $0) }
            #expect(stored.count { $0.object is any LinearAdapter } == 14)
        }
    }

    @Test func aForgetfulModuleIsCaught() {
        final class Part: Module {
            let weight = Parameter("part.weight", Tensor(zeros: [2]))
            func describe(to description: inout ModuleDescription) { description.add(weight) }
        }
        final class Forgetful: Module {
            let kept = Part()
            let lost = Part()
            let more: [Part?] = [Part(), nil]
            let pair = (Part(), 1)
            let bias: Parameter? = Parameter("bias", Tensor(zeros: [1]))
            func describe(to description: inout ModuleDescription) { description.add(kept) }
        }
        let missing = Self.forgotten(by: Forgetful())
        #expect(missing.count == 4, "\(missing)")
        #expect(missing.contains("Forgetful.lost"))
        #expect(missing.contains { $0.hasPrefix("Forgetful.more") })
        #expect(missing.contains { $0.hasPrefix("Forgetful.pair") })
        #expect(missing.contains { $0.hasPrefix("Forgetful.bias") })
    }

    @Test func parameterNamesAreThoseOfTheCheckpoint() throws {
        for model in try models() {
            let folder = try TemporaryFolder()
            try model.save(to: folder.path, as: .float32)
            let file = try SafetensorsFile(path: folder.path + "/model.safetensors")
            let names = model.parameters.map(\.name)
            #expect(Set(names).count == names.count)
            #expect(names.sorted() == TinyModel.tensors(model.configuration).keys.sorted())
            #expect(names.sorted() == file.names.sorted())
            for linear in model.linears {
                #expect(linear.weight.name == linear.name + ".weight")
            }
        }
    }
}
