internal import FledgeCore
internal import FledgeModel
package import FledgeTensor

/// Finds numbers that are none among weights and optimizer states, at the speed of memory.
package enum FiniteCheck {
    /// The first tensor that holds a value that is not finite.
    package static func firstSpoiled(
        _ tensors: some Sequence<(name: String, tensor: Tensor)>
    ) -> String? {
        tensors.first { !isFinite($0.tensor) }?.name
    }

    /// Whether every element is a finite number.
    package static func isFinite(_ tensor: Tensor) -> Bool {
        guard tensor.elementType == .float32 else {
            return isFinite(tensor.converted(to: .float32))
        }
        return tensor.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: UInt32.self) { words in
                // All bits of the exponent are set in what is not finite. Blocks without a branch
                // inside are computed many at a time.
                var start = 0
                while start < words.count {
                    let end = min(start + 4096, words.count)
                    var found: UInt32 = 0
                    for index in start..<end {
                        found |= (words[index] & 0x7F80_0000) &+ 0x0080_0000
                    }
                    if found & 0x8000_0000 != 0 { return false }
                    start = end
                }
                return true
            }
        }
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
        let path = folder + "/optimizer.safetensors"
        guard FileSystem.exists(path) else { return nil }
        let file = try SafetensorsFile(path: path)
        return try file.names.first {
            !FiniteCheck.isFinite(try file.tensor(named: $0, as: .float32))
        }
    }
}
