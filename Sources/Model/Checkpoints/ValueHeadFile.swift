internal import FledgeCore
internal import FledgeTensor

extension ValueHead: ModelArtifact {
    /// The file's name, the reference's.
    public static let fileName = "value_head.safetensors"
    /// The name of a file of pickled tensors, which nobody should read.
    static let pickledName = "value_head.bin"

    /// Writes `value_head.safetensors` into a folder that exists.
    public func save(to folder: String) throws {
        try SafetensorsWriter.write(
            [weight, bias].map { ($0.name, $0.value.converted(to: .float32)) },
            to: folder + "/" + Self.fileName)
    }

    /// Takes over the weights of `value_head.safetensors`.
    ///
    /// - Throws: ``FledgeError`` when there is no such file, or a tensor is missing or of another
    ///   shape.
    public func restore(from folder: String) throws {
        let head = try ValueHead(folder: folder, channels: weight.value.shape[1])
        (weight.value, bias.value) = (
            head.weight.value.converted(to: weight.value.elementType),
            head.bias.value.converted(to: bias.value.elementType)
        )
    }

    /// Whether a folder has a value head, readable or not.
    public static func isPresent(in folder: String) -> Bool {
        [fileName, pickledName].contains { FileSystem.exists(folder + "/" + $0) }
    }

    /// Loads the head of a folder.
    ///
    /// - Parameter channels: Those of the model.
    /// - Throws: ``FledgeError`` when there is no such file, it is pickled, or a tensor is missing or of
    ///   another shape.
    public convenience init(
        folder: String, channels: Int, dropout: Float = ValueHead.defaultDropout
    ) throws {
        let path = folder + "/" + Self.fileName
        guard FileSystem.exists(path) else {
            let pickled = folder + "/" + Self.pickledName
            if FileSystem.exists(pickled) {
                throw FledgeError(
                    .unsupported,
                    "The value head is pickled, and pickles run code when they are read.",
                    advice: "Convert it in Python: safetensors.torch.save_file("
                        + "torch.load(\"\(Self.pickledName)\"), \"\(Self.fileName)\").",
                    at: .init(file: pickled))
            }
            throw FledgeError(
                .fileNotFound, "There is no value head, expected \(Self.fileName).",
                advice: "Name the folder of a reward model (stage: rm).", at: .init(file: path))
        }
        let file = try SafetensorsFile(path: path)
        func tensor(_ name: String, _ shape: [Int]) throws -> Tensor {
            guard let found = file.shape(of: name) else {
                throw FledgeError(
                    .mismatch, "There is no tensor \(name), expected one of shape \(shape).",
                    at: .init(file: path))
            }
            guard found == shape else {
                throw FledgeError(
                    .mismatch, "\(name) has shape \(found), expected \(shape).",
                    advice: "Use the value head of this model.", at: .init(file: path))
            }
            return try file.tensor(named: name, as: .float32).owned()
        }
        self.init(
            weight: try tensor(Self.names.weight, [1, channels]),
            bias: try tensor(Self.names.bias, [1]), dropout: dropout)
    }
}
