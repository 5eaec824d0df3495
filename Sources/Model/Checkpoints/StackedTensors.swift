internal import FledgeCore
package import FledgeTensor

/// The tensors of a model whose files hold matrices of experts in stacks, each under a name of its own.
package struct StackedTensors: TensorSource {
    private let source: any TensorSource
    private let places: [String: Place]
    private let stored: Set<String>
    private let path: String
    /// The stacks that were found.
    package let stacks: [TensorStack]

    /// Where an expert's matrix is.
    private struct Place {
        let stack: TensorStack
        let name: String
        let expert: Int
        let part: Int
        let shape: [Int]
        let isFourBit: Bool
    }

    /// Looks for stacks; nil where there are none.
    ///
    /// - Throws: ``FledgeError`` for a stack that is none.
    package init?(_ source: any TensorSource, _ known: [TensorStack], path: String) throws {
        var places: [String: Place] = [:]
        var (stored, found) = (Set<String>(), [TensorStack]())
        let names = known.isEmpty ? [] : source.names
        for stack in known {
            let count = stored.count
            for name in names {
                let blocks = MXFP4Stack(blocks: name, of: stack)
                guard let prefix = stack.prefix(of: blocks?.name ?? name) else { continue }
                guard
                    let whole = try blocks?.shape(in: source, path: path)
                        ?? source.shape(of: name),
                    let shape = (blocks == nil ? stack : stack.untransposed).partShape(whole)
                else {
                    throw FledgeError(
                        .mismatch,
                        "The tensor \(name) has shape \(source.shape(of: name) ?? []); expected are matrices of experts, one behind the other.",
                        advice:
                            "The model's files are damaged, or of a form that Fledge does not know.",
                        at: .init(file: path))
                }
                stored.formUnion(blocks?.tensors ?? [name])
                for expert in 0..<whole[0] {
                    for part in stack.parts.indices {
                        places[stack.name(prefix, expert: expert, part: part)] = Place(
                            stack: stack, name: blocks?.name ?? name, expert: expert, part: part,
                            shape: shape, isFourBit: blocks != nil)
                    }
                }
            }
            if stored.count > count { found.append(stack) }
        }
        guard !places.isEmpty else { return nil }
        (self.source, self.places, self.stored, self.path) = (source, places, stored, path)
        stacks = found
    }

    package var names: [String] {
        (source.names.filter { !stored.contains($0) } + places.keys).sorted()
    }

    package func shape(of name: String) -> [Int]? {
        places[name]?.shape ?? (stored.contains(name) ? nil : source.shape(of: name))
    }

    package func storedType(of name: String) -> SafetensorsType? {
        guard let place = places[name] else { return source.storedType(of: name) }
        return place.isFourBit ? nil : source.storedType(of: place.name)
    }

    package func storedName(of name: String) -> String {
        places[name].map { "\(source.storedName(of: $0.name))[\($0.expert)]" }
            ?? source.storedName(of: name)
    }

    package func settingName(of setting: String) -> String { source.settingName(of: setting) }

    package func tensor(named name: String, as type: ElementType) throws -> Tensor {
        guard let place = places[name] else { return try source.tensor(named: name, as: type) }
        let slice =
            place.isFourBit
            ? try MXFP4Stack.slice(place.expert, of: place.name, in: source, as: type)
            : try source.tensor(named: place.name, slice: place.expert, as: type)
        return place.stack.part(
            place.part, of: slice, isTransposed: place.stack.isTransposed && !place.isFourBit)
    }
}

extension TensorStack {
    /// The same with slices `[outputs, inputs]`.
    fileprivate var untransposed: TensorStack {
        var copy = self
        copy.isTransposed = false
        return copy
    }
}
