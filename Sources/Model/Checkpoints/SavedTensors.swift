internal import FledgeCore
internal import FledgeTensor

/// The parameters of a model as its files hold them: one by one, or in stacks.
struct SavedTensors {
    /// What is written, in the order of the parameters.
    let entries: [SafetensorsWriter.Entry]
    private let single: [String: Parameter]
    private let buffers: [String: Buffer]
    private let stacked: [String: (stack: TensorStack, experts: [[Parameter]])]

    /// Lays out parameters.
    ///
    /// - Parameter type: What all are stored as; each in the precision that it is kept in where it is left
    ///   out.
    init(
        _ parameters: [Parameter], _ buffers: [Buffer], _ stacks: [TensorStack],
        as type: SafetensorsType?
    ) {
        self.buffers = Dictionary(uniqueKeysWithValues: buffers.map { ($0.name, $0) })
        let named = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
        var single: [String: Parameter] = [:]
        var stacked: [String: (stack: TensorStack, experts: [[Parameter]])] = [:]
        var entries: [SafetensorsWriter.Entry] = []
        for parameter in parameters {
            guard let stack = stacks.first(where: { $0.isPart(parameter.name) }),
                let prefix = stack.prefix(ofPart: parameter.name)
            else {
                single[parameter.name] = parameter
                entries.append(
                    .init(
                        parameter.name, type ?? SafetensorsType(parameter.kept.elementType),
                        parameter.value.shape))
                continue
            }
            let name = prefix + stack.stored
            guard stacked[name] == nil else { continue }
            var experts: [[Parameter]] = []
            while true {
                let index = experts.count
                let parts = stack.parts.indices.compactMap {
                    named[stack.name(prefix, expert: index, part: $0)]
                }
                guard parts.count == stack.parts.count else { break }
                experts.append(parts)
            }
            stacked[name] = (stack, experts)
            let widest = Self.widest(experts.joined().map(\.kept.elementType))
            entries.append(
                .init(
                    name, type ?? SafetensorsType(widest),
                    stack.stackedShape(parameter.value.shape, experts: experts.count)))
        }
        entries += buffers.map {
            .init($0.name, type ?? SafetensorsType($0.value.elementType), $0.value.shape)
        }
        (self.entries, self.single, self.stacked) = (entries, single, stacked)
    }

    private static func widest(_ types: [ElementType]) -> ElementType {
        types.max { $0.byteCount < $1.byteCount } ?? .float32
    }

    /// What an entry holds.
    func tensor(_ name: String) -> Tensor {
        if let parameter = single[name] { return parameter.kept }
        if let buffer = buffers[name] { return buffer.value }
        guard let (stack, experts) = stacked[name] else {
            preconditionFailure("save: no parameter \(name)")
        }
        let type = Self.widest(experts.joined().map(\.kept.elementType))
        return stack.stacked(experts.map { $0.map { $0.kept.converted(to: type) } })
    }
}

extension TensorStack {
    /// Whether a name is that of an expert's own matrix.
    fileprivate func isPart(_ name: String) -> Bool { prefix(ofPart: name) != nil }

    /// What stands before the container in the name of an expert's own matrix.
    fileprivate func prefix(ofPart name: String) -> String? {
        guard let ending = parts.first(where: { name.hasSuffix("." + $0) }) else { return nil }
        let head = name.dropLast(ending.count + 1)
        guard let point = head.lastIndex(of: "."), Int(head[head.index(after: point)...]) != nil,
            head[..<point].hasSuffix("." + container)
        else { return nil }
        return String(head[..<point].dropLast(container.count))
    }
}
