internal import FledgeCore
internal import FledgeModel
internal import FledgeTensor

/// What an adapter file holds of its base: biases (`bias`), whole modules (`modules_to_save`), and
/// embeddings that PEFT saves along when they are adapted or were resized.
///
/// Equal ones are passed over; others take the base's place.
struct AdapterReplacements {
    private var changes: [(parameter: Parameter, value: Tensor)] = []
    private let path: String

    /// Finds the parameters that are replaced.
    ///
    /// - Parameter names: The tensors of the file that are no factors of an adapter.
    /// - Throws: ``FledgeError`` for tensors that have no place in the model, or do not fit theirs.
    init(_ file: AdapterFile, _ names: Set<String>, model: some CausalLM) throws {
        path = file.path
        let parameters = Dictionary(
            model.parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let blocks = Set(model.quantizedMatrices.map(\.name))
        var unknown = Set<String>()
        // What a module was before it was trained whole is the base's own.
        for name in names.sorted() where !name.contains(".original_module.") {
            let place = Self.place(of: name)
            guard let place, let parameter = parameters[place] ?? tied(place, model, parameters)
            else {
                if let place, blocks.contains(place) || blocks.contains(String(place.dropLast(7))) {
                    throw FledgeError(
                        .unsupported,
                        "The adapter brings \(place) of its own, and the base keeps it in blocks.",
                        advice: "Load the base without quantisation.", at: .init(file: path))
                }
                unknown.insert(name)
                continue
            }
            let value = try file.tensor(name)
            guard value.shape == parameter.value.shape else {
                throw FledgeError(
                    .mismatch,
                    "The adapter brings \(place) of shape \(value.shape); the base has "
                        + "\(parameter.value.shape).",
                    advice:
                        "The vocabulary was resized when it was made, or it was made for another "
                        + "model: merge it with the tool that made it.", at: .init(file: path))
            }
            let isSame = value.converted(to: parameter.value.elementType).hasSameBytes(
                as: parameter.value)
            if !isSame { try add(parameter, value) }
        }
        if let error = file.leftOver(unknown) { throw error }
    }

    /// The name that the base has for a tensor.
    private static func place(of name: String) -> String? {
        guard name.hasPrefix(AdapterSet.prefix) else { return nil }
        var parts = name.dropFirst(AdapterSet.prefix.count).split(separator: ".")
        // Wrappers that PEFT puts around what it adapts or saves whole.
        parts.removeAll { ["base_layer", "modules_to_save", "default"].contains($0) }
        guard let last = parts.last, last == "weight" || last == "bias" else { return nil }
        return parts.joined(separator: ".")
    }

    /// A tied model has one table under two names.
    private func tied(
        _ place: String, _ model: some CausalLM, _ parameters: [String: Parameter]
    ) -> Parameter? {
        place == "lm_head.weight" ? parameters[model.head.name] : nil
    }

    private mutating func add(_ parameter: Parameter, _ value: Tensor) throws {
        if let known = changes.first(where: { $0.parameter === parameter }) {
            guard known.value.hasSameBytes(as: value) else {
                throw FledgeError(
                    .unsupported,
                    "The adapter brings an embedding and a head that differ, and the model's are one table.",
                    advice: "Merge it with the tool that made it.", at: .init(file: path))
            }
            return
        }
        changes.append((parameter, value))
    }

    /// Refuses to go on training, which would have to train the replaced parameters too.
    func refuseTraining() throws {
        guard let first = changes.first else { return }
        throw FledgeError(
            .unsupported,
            "The adapter trains more than its factors: \(changes.count) of the base's parameters, "
                + "\(first.parameter.name) first (bias or modules_to_save).",
            advice:
                "Merge it first (fledge export), or begin a new one (create_new_adapter: true).",
            at: .init(file: path))
    }

    /// Refuses to lie beside another adapter, whose base it would change.
    func refuseSharing() throws {
        guard let first = changes.first else { return }
        throw FledgeError(
            .unsupported,
            "The adapter changes more than its factors say: \(changes.count) of the base's parameters, "
                + "\(first.parameter.name) first (bias or modules_to_save), which another adapter needs as they are.",
            advice: "Load it as a model of its own (reward_model_type: full).",
            at: .init(file: path))
    }

    /// Puts the new values in place.
    func apply() {
        for (parameter, value) in changes {
            parameter.value = value.converted(to: parameter.value.elementType)
        }
    }
}
