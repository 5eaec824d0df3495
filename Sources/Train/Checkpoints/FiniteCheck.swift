internal import FledgeCore
internal import FledgeModel
package import FledgeTensor

/// Finds numbers that are none among weights and optimizer states, at the speed of memory.
package enum FiniteCheck {
    /// The first tensor that holds a value that is not finite.
    package static func firstSpoiled(
        _ tensors: some Sequence<(name: String, tensor: Tensor)>
    ) -> String? {
        tensors.first { !$0.tensor.isFinite }?.name
    }

    /// Refuses to save what is not finite.
    ///
    /// - Throws: ``FledgeError`` with `training.notFinite` that names the first spoiled parameter.
    package static func require(
        _ parameters: [Parameter], states: [(name: String, tensor: Tensor)] = [], step: Int
    ) throws {
        let weights = parameters.map { (name: $0.name, tensor: $0.kept) }
        guard let name = firstSpoiled(weights) ?? firstSpoiled(states) else { return }
        throw FledgeError(
            .notFinite,
            "After step \(step), \(name) holds numbers that are not finite; nothing is saved.",
            advice: "Lower learning_rate, and go on from an earlier checkpoint or start anew.")
    }
}

extension TrainingCheckpoint {
    /// The first tensor of the checkpoint that holds a value that is not finite: of the optimizer's
    /// states; weights are looked at where they are loaded.
    package func firstSpoiledState() throws -> String? {
        let path = folder + "/" + Self.optimizerName
        guard FileSystem.exists(path) else { return nil }
        let file = try SafetensorsFile(path: path)
        return try file.names.first {
            try !file.tensor(named: $0).isFinite
        }
    }
}
