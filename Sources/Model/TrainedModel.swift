internal import FledgeCore
public import FledgeTensor

/// A model whose own weights are trained, as runs save it and go on from it: a plain Hugging Face
/// folder that every program of the field reads.
public struct TrainedModel: ModelArtifact {
    /// The model.
    public let model: any CausalLM

    /// Names a model as what a run produces.
    public init(_ model: any CausalLM) { self.model = model }

    /// Writes configuration and weights, each in the precision that it is kept in: float32 where
    /// there is a master.
    public func save(to folder: String) throws { try model.save(to: folder) }

    /// Takes over the weights that ``save(to:)`` wrote.
    ///
    /// - Throws: ``FledgeError`` when a trained tensor is missing or of another shape.
    public func restore(from folder: String) throws {
        let source = try Checkpoint(path: folder, families: [model.configuration.family])
            .weights
        let trained = model.trainableParameters
        for parameter in trained where source.shape(of: parameter.name) != parameter.value.shape {
            let found = source.shape(of: parameter.name)
            throw FledgeError(
                .mismatch,
                "\(parameter.name) \(found.map { "has shape \($0)" } ?? "is missing"); this run has \(parameter.value.shape).",
                advice: "The checkpoint is of another model.", at: .init(file: folder))
        }
        for parameter in trained {
            let kept = try source.tensor(named: parameter.name, as: parameter.kept.elementType)
            parameter.take(kept.owned())
        }
    }
}

extension Module {
    /// Makes the parameters that a rule names the only ones that are trained.
    ///
    /// - Parameters:
    ///   - keepingMasters: Whether a bfloat16 weight gets a float32 master, so that small steps are
    ///     not lost in its rounding.
    ///   - isTrained: The rule; all of them when it is left out.
    public func makeTrainable(
        keepingMasters: Bool = true, where isTrained: (Parameter) -> Bool = { _ in true }
    ) {
        for parameter in parameters {
            parameter.isTrainable = isTrained(parameter)
            guard parameter.isTrainable else { continue }
            let isNarrow = parameter.value.elementType == .bfloat16
            // Weights that will change are no longer those of a mapped file.
            parameter.value = parameter.value.owned()
            parameter.master =
                isNarrow && keepingMasters ? parameter.value.converted(to: .float32) : nil
        }
    }
}

extension Parameter {
    /// Takes over a value in the precision that is kept.
    fileprivate func take(_ kept: Tensor) {
        value = kept.converted(to: value.elementType)
        if master != nil { master = kept }
    }
}
